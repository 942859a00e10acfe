"""What a client of the API may point a repair at.

A worker can reach more than its clients should: files of its machine, addresses inside its
network, programs. So the API takes git URLs over https and ssh, and folders only below the
configured roots; a token with `admin` may name anything a user at the machine may.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from sandbox.git.remote import BadAddress, Reach, parse
from workers.errors import TargetRefused

_VERSION = re.compile(r"3\.\d{1,2}(\.\d{1,2})?")


def check_target(
    target: str, roots: Sequence[Path], hosts: Collection[str] = ()
) -> tuple[str, Reach]:
    """Return the target as the worker is to get it, and how far a fetch of it may reach.

    Raises TargetRefused. Names are resolved later, in the moment of the fetch.
    """
    if target.startswith(("/", ".", "~")) or ":" not in target:
        return _checked_folder(target, roots), Reach.ANYWHERE
    try:
        remote = parse(target, allow_private=True)
        if remote.host in hosts:
            return str(remote), Reach.NAMED
        return str(parse(target)), Reach.PUBLIC
    except BadAddress as error:
        raise TargetRefused(str(error)) from error


def check_python(python: str | None) -> None:
    """A version, not the path of a program on the server. Raises TargetRefused."""
    if python is not None and not _VERSION.fullmatch(python):
        raise TargetRefused("python must be a version such as 3.11")


def _checked_folder(target: str, roots: Sequence[Path]) -> str:
    """Links are followed before the comparison, so that none leads out of a root."""
    if not roots:
        raise TargetRefused("folders of the server may not be named; give a git URL")
    try:
        folder = Path(target).resolve()
        is_allowed = any(folder.is_relative_to(root.resolve()) for root in roots)
    except (OSError, RuntimeError, ValueError) as error:
        raise TargetRefused("this folder cannot be used") from error
    if not Path(target).is_absolute() or not is_allowed:
        raise TargetRefused("this folder is not below one that the service may read")
    return str(folder)


def root_of(target: str, roots: Sequence[Path]) -> Path | None:
    """The root, without links, that an admitted folder lies below; None for a URL."""
    if not target.startswith("/"):
        return None
    return next(
        (real for root in roots if Path(target).is_relative_to(real := root.resolve())), None
    )
