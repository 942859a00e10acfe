"""Failures for want of a file: a submodule that is empty, data that is not in the repository, a
module of a package that is not installed."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from agent.baseline.failures.environment_failures import MISSING_MODULE, Cause, EnvironmentFailure
from agent.untrusted_text import printable
from sandbox.runners.base import TestResult
from sandbox.runners.test_ids import named_file
from sandbox.snapshots.tarball import parents

_FILE = re.compile(r"(?:FileNotFoundError|NotADirectoryError): \[Errno 2\d?\] [\w ]+: '([^'\n]+)'")


@dataclass(frozen=True, kw_only=True)
class RepositoryFiles:
    """What is there of a repository, and what of it can be imported."""

    paths: Collection[str]
    is_test_path: Callable[[str], bool]
    import_roots: Sequence[str] = (".",)
    submodules: Sequence[str] = ()
    """Folders of submodules of which nothing is here."""

    @cached_property
    def _known(self) -> frozenset[str]:
        """Files and folders."""
        return frozenset((*self.paths, *(f for path in self.paths for f in parents(path))))

    def explain(self, result: TestResult) -> EnvironmentFailure | None:
        """Say what is missing; None where the source may be at fault. Paths of the project in the
        result's message are relative to it."""
        text = f"{result.message}\n{result.details[-4000:]}"
        if modules := MISSING_MODULE.findall(text):
            return self._module(modules[-1])
        match = _FILE.search(result.message)
        return None if match is None else self._file(match[1], result)

    def _module(self, name: str) -> EnvironmentFailure | None:
        submodule = next((s for s in self.submodules if PurePosixPath(s).name == name), None)
        if submodule is not None:
            return _empty(submodule)
        stem = name.replace(".", "/")
        ends = (f"{stem}.py", f"{stem}/__init__.py")
        if any(_joined(root, end) in self._known for root in self.import_roots for end in ends):
            return None
        places = sorted(p for p in self.paths if p.endswith(tuple(f"/{end}" for end in ends)))
        if not places:
            return None
        return EnvironmentFailure(
            Cause.MISSING_MODULE,
            f"the module `{name}` lies at {printable(places[0])}, in a package that is not "
            "installed; name the command that installs it with --install, or repair its folder",
        )

    def _file(self, name: str, result: TestResult) -> EnvironmentFailure | None:
        path = PurePosixPath(name)
        if path.is_absolute() or path.as_posix() in self._known:
            return None
        above = (path.as_posix(), *(parent.as_posix() for parent in path.parents))
        submodule = next((s for s in self.submodules if s in above), None)
        if submodule is not None:
            return _empty(submodule)
        test = named_file(result.test_id)
        folder = next((f for f in parents(test) if _joined(f, str(path)) in self._known), None)
        if folder is not None and ".." not in path.parts:
            return EnvironmentFailure(
                Cause.MISSING_FILES,
                f"the tests read {printable(name)} from the folder {printable(folder)}; "
                f"`repair PATH/{printable(folder)}` runs them there",
            )
        in_test = bool(result.frames) and self.is_test_path(result.frames[-1].path)
        if in_test and self.is_test_path(path.as_posix()):
            sentence = f"the tests read {printable(name)}, which is not among the project's files"
            return EnvironmentFailure(Cause.MISSING_FILES, sentence)
        return None


def _joined(folder: str, path: str) -> str:
    return PurePosixPath(folder, path).as_posix()


def _empty(submodule: str) -> EnvironmentFailure:
    return EnvironmentFailure(
        Cause.MISSING_FILES,
        f"the submodule {printable(submodule)} is empty here; `git submodule update --init "
        "--recursive` fetches it",
    )
