"""Writing a validated patch into the target's work tree.

No git runs here: the work tree may hold a planted `.git/config` or hooks (see
docs/usage.md). Files are compared with the bytes the repair worked on and replaced whole.
Its owner may change the tree meanwhile, and we may be root: each folder is opened once, without
links, and what follows goes by its descriptor, never by a path.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from agent.patches.changes import FileChange
from agent.untrusted_text import printable
from cli.errors import ApplyRefused
from sandbox.host import new_file, no_follow

DEFAULT_FILE_MODE = 0o644
_LINK_ERRORS = (errno.ELOOP, errno.ENOTDIR)
"""Of a step that meets a link where a file or a folder is expected."""


@dataclass(frozen=True)
class _Place:
    """A file by its name in an open folder; `folder` is None while that is not there."""

    path: str
    folder: int | None
    mode: int = DEFAULT_FILE_MODE
    owner: new_file.Owner | None = None
    """Of the old file; None for a new one."""

    @property
    def name(self) -> str:
        return PurePosixPath(self.path).name


def apply_to_tree(root: Path, changes: Mapping[str, FileChange]) -> tuple[str, ...]:
    """Write the changed files below `root`, whose path may hold no link, and return their paths.

    All files are checked before the first is written, and each is replaced atomically.
    Raises ApplyRefused when a file is not, byte for byte, what the repair worked on.
    """
    for path in changes:
        _check_name(path)
    with contextlib.ExitStack() as stack:
        with _told(str(root)):
            top = stack.enter_context(no_follow.opened(root.absolute()))
        places = [_found(stack, top, path, old) for path, (old, _) in changes.items()]
        drafts = [_draft(stack, top, place, changes[place.path][1]) for place in places]
        for place, draft in drafts:
            _put(place, draft, changes[place.path][0])
    return tuple(changes)


def _check_name(path: str) -> None:
    pure = PurePosixPath(path)
    if pure.is_absolute() or not pure.name or ".." in pure.parts or ".git" in pure.parts:
        raise ApplyRefused(f"The patch names {printable(path)}, which is not a file to change.")


@contextlib.contextmanager
def _told(path: str, doing: str = "read") -> Iterator[None]:
    """What went wrong at a place, as a sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in _LINK_ERRORS:
            raise ApplyRefused(
                f"{printable(path)} is or crosses a symbolic link; apply the patch by hand."
            ) from error
        raise ApplyRefused(f"{printable(path)} cannot be {doing}: {error.strerror}.") from error


def _found(stack: contextlib.ExitStack, top: int, path: str, old: bytes | None) -> _Place:
    """The place of a file that is what the repair worked on."""
    parent = PurePosixPath(path).parent
    with _told(path):
        folder = stack.enter_context(no_follow.inside(top, str(parent)))
    place = _Place(path, folder)
    status = _expect(place, old)
    if status is None:
        return place
    return _Place(path, folder, status.st_mode, new_file.owner_of(status))


def _expect(place: _Place, old: bytes | None) -> os.stat_result | None:
    """What the file is; None where there is none, and none is expected."""
    content, status = None, None
    if place.folder is not None:
        with _told(place.path):
            read = no_follow.read_bytes(place.folder, place.name, len(old or b"") + 1)
        content, status = (None, None) if read is None else read
    if content != old:
        raise ApplyRefused(
            f"{printable(place.path)} changed since the repair began, so the patch was not "
            "applied. Run repair again, or apply the saved patch by hand."
        )
    return status


def _draft(
    stack: contextlib.ExitStack, top: int, place: _Place, new: bytes | None
) -> tuple[_Place, str | None]:
    """The place with its folder, made where it was not there, and the name of a finished copy
    beside the file; None for a file that is removed."""
    if new is None:
        return place, None
    with _told(place.path, "written"):
        folder = place.folder
        if folder is None:
            folder = _make_folders(stack, top, PurePosixPath(place.path).parent)
        owner = place.owner or new_file.owner_of(os.fstat(folder))
        draft = stack.enter_context(new_file.draft(folder, new, place.mode, owner))
    return replace(place, folder=folder), draft


def _make_folders(stack: contextlib.ExitStack, top: int, folder: PurePosixPath) -> int:
    """Open a folder below `top`. What is missing is made, for the owner of what is above it."""
    descriptor = top
    for part in folder.parts:
        inner = stack.enter_context(no_follow.inside(descriptor, part))
        if inner is None:
            owner = new_file.owner_of(os.fstat(descriptor))
            inner = new_file.make_folder(descriptor, part, owner)
            stack.callback(os.close, inner)
        descriptor = inner
    return descriptor


def _put(place: _Place, draft: str | None, old: bytes | None) -> None:
    """The file as it is to be, in one step; it is looked at once more before."""
    _expect(place, old)
    folder = place.folder
    with _told(place.path, "written"):
        if draft is not None:
            os.rename(draft, place.name, src_dir_fd=folder, dst_dir_fd=folder)
        elif folder is not None:
            os.unlink(place.name, dir_fd=folder)
