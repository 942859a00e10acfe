"""The files that `--output`, `--sarif` and `--page` name. A repository may have shipped a link in
that place, or in a folder on the way to it: nothing is written through one.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from agent.untrusted_text import printable
from cli.errors import BadInput
from cli.options.arguments import is_url
from sandbox.git.folder import GitLeadsOutside, find_git_folder
from sandbox.host import new_file, no_follow


def write_output(path: Path, content: bytes, option: str, target: str | None = None) -> Path:
    """Write a file whole or not at all, and return its place.

    `target`: the repository, where it is a folder; below it, no link is followed on the way.
    Raises BadInput where a link or what is no file has the place, and OSError.
    """
    place = Path(os.path.normpath(path.absolute()))
    with _told(place, option), _folder(place.parent, _top(target)) as folder:
        new_file.replace_file(folder, place.name, content)
    return place


@contextmanager
def _told(place: Path, option: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        text = f"{option} {printable(str(place))}"
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise BadInput(
                f"{text} is, or goes through, a symbolic link that the repository may have "
                "brought: name the file that is meant."
            ) from error
        raise BadInput(f"{text} cannot be written: {error.strerror}.") from error


@contextmanager
def _folder(folder: Path, top: Path | None) -> Iterator[int]:
    """The folder, open. From where its path enters the repository, no part of it is a link."""
    for step in (*reversed(folder.parents), folder):
        real = step.resolve()
        if top is not None and real.is_relative_to(top):
            subpath = str(folder.relative_to(step))
            with no_follow.opened(real) as entrance, no_follow.inside(entrance, subpath) as inner:
                yield _there(inner, folder)
            return
    with no_follow.opened(folder.resolve()) as outside:
        yield outside


def _there(descriptor: int | None, folder: Path) -> int:
    if descriptor is None:
        raise FileNotFoundError(errno.ENOENT, "its folder is gone", str(folder))
    return descriptor


def _top(target: str | None) -> Path | None:
    """The top of the target's repository, or the folder itself where it is in none."""
    if not target or is_url(target):
        return None
    folder = Path(target).resolve()
    with suppress(GitLeadsOutside, OSError):
        git_folder = find_git_folder(folder)
        if git_folder is not None and git_folder.top is not None:
            return git_folder.top
    return folder
