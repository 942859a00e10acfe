"""Files of this machine's users that lie where an interpreter does, and may hold passwords."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

SYSTEM_PREFIXES = ("/usr", "/usr/local")
_PATTERNS = (
    # pip reads the first, conda those of the next lines, npm the last.
    *("pip.conf", "etc/pip.conf", "etc/xdg/pip/pip.conf", ".pip/pip.conf", ".config/pip/pip.conf"),
    *(".condarc", "condarc", "condarc.d/*", ".condarc.d/*", "uv.toml", ".config/uv/uv.toml"),
    *(".netrc", "_netrc", ".pypirc", ".git-credentials", ".gitconfig", "etc/gitconfig"),
    *(".npmrc", "etc/npmrc"),
)


def credential_files(prefixes: Iterable[str]) -> list[Path]:
    """Those below these folders, by their paths without links; a link that leads out of the
    folders leads nowhere inside a sandbox."""
    folders = [Path(prefix) for prefix in (*SYSTEM_PREFIXES, *prefixes)]
    real_folders = [folder.resolve() for folder in folders]
    paths = {
        place.resolve()
        for folder in folders
        for pattern in _PATTERNS
        for place in folder.glob(pattern)
        if place.is_file()
    }
    return sorted(path for path in paths if any(path.is_relative_to(f) for f in real_folders))
