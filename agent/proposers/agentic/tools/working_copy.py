"""The model's working copy: what in it differs from the base, and how to get there again."""

from __future__ import annotations

import base64
import hashlib
import json
import posixpath
from collections.abc import Callable, Mapping
from typing import Any

from agent.proposers.agentic.tools.sandbox_setup import (
    GIT_VARIABLES,
    PROGRAMS,
    SCRATCH,
    set_up,
)
from sandbox.base import Process, Session
from sandbox.errors import SandboxDied
from sandbox.host.untrusted_json import Malformed, is_texts, read_json
from sandbox.machine_identity import TEMPORARY, WORKSPACE

_TEMPORARY = "$TMPDIR"
SCAN_SECONDS = 60.0
MAX_COPIED_FILES = 200
MAX_COPIED_FILE_BYTES = 2 * 1024 * 1024
"""Larger files that the model makes are left alone: they are no repair."""

# Runs on the target's interpreter: stdlib, Python 3.8 to 3.14. Stays alive between commands, since
# starting Python takes longer than looking; answers each line with what changed since the last.
_SCAN = """
import json, os, sys
skip = {'.git', '__pycache__', '.pytest_cache', '.mypy_cache', '.hypothesis', '.tox', '.nox'}
root = sys.argv[1]
before = {}
for _ in sys.stdin:
    found = {}
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in skip]
        for name in names:
            if name.endswith(('.pyc', '.pyo')): continue
            path = os.path.join(folder, name)
            try: seen = os.lstat(path)
            except OSError: continue
            relative = path[len(root):].lstrip('/')
            found[relative] = [seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino]
    changed = {path: seen for path, seen in found.items() if before.get(path) != seen}
    print(json.dumps([changed, [path for path in before if path not in found]]), flush=True)
    before = found
"""


class WorkingTree:
    """Files of one session, compared with the base. They lie in a git repository of one commit,
    where the sandbox has git."""

    def __init__(
        self, session: Session, read_base: Callable[[str], bytes | None], python: str
    ) -> None:
        self.session = session
        self.python = python
        self.workspace = session.workspace.rstrip("/")
        setup = set_up(session, python)
        self._temporary = setup.temporary
        self.has_repository = setup.repository
        """Whether it lies in a git repository whose one commit is the base."""
        is_fixed = self.workspace == WORKSPACE
        self.shown_workspace = self.workspace if is_fixed else "the current folder"
        """As the model is told, the same in every run where the sandbox allows it."""
        self.scratch = f"{TEMPORARY if is_fixed else _TEMPORARY}/{SCRATCH}"
        """As the model is told, and as a shell reads it."""
        self.read_base = read_base
        self._files: dict[str, bytes | None] = {}
        self._watcher: Process | None = None
        self._seen: dict[str, list[int]] = {}
        self._first = self._seen = self._scan()

    @property
    def programs(self) -> str:
        """What comes first on PATH: the project's own `python` and `pip`."""
        return f"{self._temporary}/{PROGRAMS}:{posixpath.dirname(self.python)}"

    @property
    def variables(self) -> Mapping[str, str]:
        """Environment variables of the model's commands, beside the sandbox's own."""
        return GIT_VARIABLES

    def absolute(self, path: str) -> str:
        """A path of the scratch folder as the sandbox knows it; any other as it is."""
        return path.replace(_TEMPORARY, self._temporary, 1) if path[:1] == "$" else path

    def place(self, path: str) -> str:
        """The path as the project knows it; absolute for one outside the project."""
        path = self.absolute(path)
        absolute = posixpath.normpath(posixpath.join(self.workspace, path))
        if absolute == self.workspace:
            return "."
        return absolute.removeprefix(self.workspace + "/")

    def read(self, path: str) -> bytes:
        """Raises FileNotFoundError, and ValueError for what is no plain file."""
        return self.session.read(path)

    def write(self, path: str, content: bytes) -> None:
        self.session.write(path, content)
        self._note(path, content)

    def remove(self, path: str) -> None:
        self.session.remove(path)
        self._note(path, None)

    def rescan(self) -> None:
        """Update the record of changed files after a command ran."""
        listing = self._scan()
        changed_paths = {p for p in {*listing, *self._seen} if listing.get(p) != self._seen.get(p)}
        self._seen = listing
        for path in sorted(changed_paths)[:MAX_COPIED_FILES]:
            if path not in listing:
                self._note(path, None)
                continue
            try:
                self._note(path, self.session.read(path, max_bytes=MAX_COPIED_FILE_BYTES))
            except (OSError, ValueError):  # gone meanwhile, not to be read, or too large
                continue

        self._drop_vanished(listing)

    def _drop_vanished(self, listing: Mapping[str, object]) -> None:
        """What the editor wrote since the last look and a command removed: no look has seen it."""
        for path in [p for p, content in self._files.items() if content is not None]:
            if path in listing:
                continue
            try:
                self.session.read(
                    path, max_bytes=MAX_COPIED_FILE_BYTES
                )  # folders that no look enters
            except (FileNotFoundError, ValueError):
                self._note(path, None)

    def changes(self) -> Mapping[str, tuple[bytes | None, bytes | None]]:
        """Path → (base, now) of what differs."""
        return {path: (self.read_base(path), new) for path, new in sorted(self._files.items())}

    def digest(self) -> str:
        """Digest of the working copy, equal for equal trees."""
        state = hashlib.blake2b(digest_size=8)
        for path, content in sorted(self._files.items()):
            state.update(json.dumps([path, content is None]).encode() + (content or b"") + b"\0")
        return state.hexdigest()

    def saved(self) -> dict[str, str | None]:
        """The differences as the state keeps them."""
        return {path: packed(content) for path, content in self._files.items()}

    def restore(self, files: Mapping[str, str | None]) -> None:
        """Apply saved differences to a working copy of the unchanged base."""
        for path, content in files.items():
            data = unpacked(content)
            if data is None:
                self.remove(path)
            else:
                self.write(path, data)
        if files:
            self._seen = self._scan()

    def _note(self, path: str, content: bytes | None) -> None:
        if path.startswith("/"):
            return
        base = self.read_base(path)
        made_by_install = base is None and path in self._first
        if content == base or made_by_install:
            self._files.pop(path, None)
        else:
            self._files[path] = content

    def _scan(self) -> dict[str, list[int]]:
        """Every file with its size, times and inode; as before where nothing can be learned."""
        for _ in range(2):
            try:
                return self._current_listing()
            except SandboxDied:  # the model may have ended the process, or the whole sandbox
                self._watcher = None
        return self._seen

    def _current_listing(self) -> dict[str, list[int]]:
        listing = dict(self._seen)
        if self._watcher is None:
            argv = [self.python, "-I", "-S", "-u", "-c", _SCAN, self.workspace]
            self._watcher, listing = self.session.start(argv), {}
        self._watcher.send(b"")
        answer = self._watcher.receive(SCAN_SECONDS)
        try:
            changed_files, removed_paths = read_json(answer or b"", _is_listing)
        except Malformed as error:
            self._watcher.kill()
            raise SandboxDied("the listing of the working copy cannot be read") from error
        listing.update(changed_files)
        for path in removed_paths:
            listing.pop(path, None)
        return listing


def _is_listing(value: Any) -> bool:
    """Changed files with numbers about each, and the paths of those that are gone."""
    if not (isinstance(value, list) and len(value) == 2 and isinstance(value[0], dict)):
        return False
    rows = value[0].values()
    return is_texts(value[1]) and all(
        isinstance(row, list) and all(isinstance(number, int) for number in row) for row in rows
    )


def packed(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode("ascii")


def unpacked(content: str | None) -> bytes | None:
    return None if content is None else base64.b64decode(content)
