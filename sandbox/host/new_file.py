"""Files and folders made in an open folder: who owns that folder may put links into it meanwhile,
and none of them is written through.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sandbox.host import no_follow

PERMISSIONS = 0o777
"""What of a mode is kept: never the bits that make a program run as its owner or group."""
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

Owner = tuple[int, int]
"""Ids of user and group."""


@contextmanager
def draft(parent: int, content: bytes, mode: int, owner: Owner | None = None) -> Iterator[str]:
    """A finished file in an open folder, under a name of its own: `os.rename` puts it in its place.
    It is removed again where that did not happen. Raises OSError."""
    name = f".repair-{secrets.token_hex(8)}"
    descriptor = os.open(name, _NEW, 0o600, dir_fd=parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            _give(descriptor, owner)
            os.fchmod(descriptor, mode & PERMISSIONS)
            os.fsync(descriptor)
        yield name
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=parent)


def replace_file(parent: int, name: str, content: bytes) -> None:
    """Write a file of an open folder anew, at once, with the permissions of the old one.
    Raises OSError where the name is taken by a link or by what is no regular file."""
    old = no_follow.read_bytes(parent, name, 0)
    mode = _usual_mode() if old is None else old[1].st_mode
    with draft(parent, content, mode) as new:
        os.rename(new, name, src_dir_fd=parent, dst_dir_fd=parent)


def make_folder(parent: int, name: str, owner: Owner | None = None) -> int:
    """Make a folder in an open one and open it. Raises OSError, also where another took its place
    meanwhile: what is given away is what was made here."""
    os.mkdir(name, dir_fd=parent)
    descriptor = os.open(name, _FOLDER, dir_fd=parent)
    try:
        _check_own(descriptor, parent)
        _give(descriptor, owner)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _check_own(folder: int, parent: int) -> None:
    """Raises OSError for a folder that is not as one is that was made just now."""
    status = os.fstat(folder)
    is_ours = status.st_uid == os.geteuid() and status.st_dev == os.fstat(parent).st_dev
    if not is_ours or no_follow.names(folder):
        raise OSError(None, "another folder took its place")


def _give(descriptor: int, owner: Owner | None) -> None:
    if owner is not None and os.geteuid() == 0:  # nobody else may give a file away
        os.fchown(descriptor, *owner)


def _usual_mode() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o666 & ~mask


def owner_of(found: os.stat_result) -> Owner:
    return found.st_uid, found.st_gid
