"""Writing a validated patch into the target's work tree.

No git runs here: the work tree may hold a planted `.git/config` or hooks (see
docs/usage.md). Files are compared with the bytes the repair worked on and replaced whole.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from agent.patches.changes import FileChange
from agent.printable import printable
from cli.errors import ApplyRefused

DEFAULT_FILE_MODE = 0o644


def apply_to_tree(root: Path, changes: Mapping[str, FileChange]) -> tuple[str, ...]:
    """Write the changed files below `root` and return their paths.

    All files are checked before the first is written, and each is replaced atomically.
    Raises ApplyRefused when a file is not, byte for byte, what the repair worked on.
    """
    files = {path: file_below(root, path) for path in changes}
    for path, (old, _) in changes.items():
        _expect(files[path], path, old)
    with contextlib.ExitStack() as stack:
        drafts = {
            path: stack.enter_context(_draft(files[path], new))
            for path, (_, new) in changes.items()
            if new is not None
        }
        for path, (old, _) in changes.items():
            _expect(files[path], path, old)
            if path in drafts:
                drafts[path].replace(files[path])
            else:
                files[path].unlink()
    return tuple(changes)


def file_below(root: Path, path: str) -> Path:
    """Return the file's place. Raises ApplyRefused where it would leave the target."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or ".git" in pure.parts:
        raise ApplyRefused(f"The patch names {printable(path)}, which is not a file to change.")
    file = root
    for part in pure.parts:
        file /= part
        if file.is_symlink():
            raise ApplyRefused(
                f"{printable(path)} goes through a symbolic link; apply the patch by hand."
            )
    return file


def _expect(file: Path, path: str, old: bytes | None) -> None:
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        content = None
    except OSError as error:
        raise ApplyRefused(f"{printable(path)} cannot be read: {error.strerror}.") from error
    if content != old:
        raise ApplyRefused(
            f"{printable(path)} changed since the repair began, so the patch was not applied. "
            "Run repair again, or apply the saved patch by hand."
        )


@contextlib.contextmanager
def _draft(file: Path, content: bytes) -> Iterator[Path]:
    """A finished copy beside the file, with its mode; removed again if it was not used."""
    mode = stat.S_IMODE(file.stat().st_mode) if file.exists() else DEFAULT_FILE_MODE
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".repair-", dir=file.parent)
    except OSError as error:
        raise ApplyRefused(
            f"{printable(str(file.parent))} cannot be written: {error.strerror}."
        ) from error
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        yield draft
    finally:
        draft.unlink(missing_ok=True)
