"""The folders that the user named: a client of the server reaches nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agent.untrusted_text import printable
from cli.errors import BadInput
from cli.options.arguments import is_url


class AllowedFolders:
    """Folders with all that lies below them, links resolved."""

    def __init__(self, folders: Sequence[Path]) -> None:
        """Raises BadInput for one that is not there."""
        for folder in folders:
            if not folder.is_dir():
                raise BadInput(f"There is no folder {printable(str(folder))}.")
        self.folders = tuple(folder.resolve() for folder in folders)

    def holds(self, target: str) -> bool:
        """Whether the target of a run is a folder that the server is for."""
        folder = Path(target)
        return folder.is_absolute() and self._is_below(folder.resolve())

    def _is_below(self, folder: Path) -> bool:
        return any(folder.is_relative_to(root) for root in self.folders)

    def check(self, path: str) -> str:
        """The folder as an absolute path without links. Raises BadInput."""
        roots = ", ".join(printable(str(folder)) for folder in self.folders)
        if is_url(path) or "\0" in path:
            raise BadInput(f"Only folders below {roots} can be named.")
        folder = Path(path)
        folder = (folder if folder.is_absolute() else self.folders[0] / folder).resolve()
        if not self._is_below(folder):
            raise BadInput(f"{printable(path)} is not below {roots}, which the server is for.")
        if not folder.is_dir():
            raise BadInput(f"There is no folder {printable(path)}.")
        return str(folder)
