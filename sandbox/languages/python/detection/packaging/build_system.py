"""How a project is built: its backend, and what that asks of its surroundings."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sandbox.languages.python.detection.config_files import (
    ConfigFiles,
    table,
    text_or_none,
    words,
)

_NOT_IN_PLACE = ("mesonpy", "scikit_build_core")
_ASKS_GIT = re.compile(
    r"setuptools[-_]scm|hatch[-_]vcs|setuptools[-_]git[-_]versioning|versioningit|versioneer"
    r"|dynamic[-_]versioning|dunamai|vcs[-_]versioning|flit[-_]scm|\bpbr\b|incremental"
    r"|setuptools[-_]git|git-version|miniver|use_scm_version"
)

_TAKES_NO_VARIABLE = re.compile(r"setuptools[-_]git|versioningit")


@dataclass(frozen=True, kw_only=True)
class BuildSystem:
    """What pyproject.toml says of the build; empty for a setup.py alone."""

    backend: str = ""
    requires: tuple[str, ...] = ()
    """Requirements of the build itself."""
    asks_git: bool = False
    """Something in it may ask git for a version or a commit."""

    needs_git: bool = False
    """It asks git itself, and takes no variable for an answer."""

    @property
    def works_in_place(self) -> bool:
        """Whether an editable installation serves a copy of the project in another folder: some
        compile anew when they are imported, or lead to the folder they were made in."""
        return not self.backend.startswith(_NOT_IN_PLACE)


def read_build(files: ConfigFiles) -> BuildSystem:
    """Read the build system; broken configuration is none."""
    build_system = table(files.toml("pyproject.toml"), "build-system")
    texts = map(files.text, ("pyproject.toml", "setup.cfg", "setup.py"))
    text = "\n".join(texts)
    own_hooks = ("setup.py", "hatch_build.py", "build.py", "pdm_build.py", "meson.build")
    calls_git = any(re.search(r"\bgit\b", files.text(path)) for path in own_hooks)
    return BuildSystem(
        backend=text_or_none(build_system.get("build-backend")) or "",
        requires=words(build_system.get("requires")),
        asks_git=calls_git or _ASKS_GIT.search(text) is not None,
        needs_git=_TAKES_NO_VARIABLE.search(text) is not None,
    )
