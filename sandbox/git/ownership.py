"""What root writes into somebody else's repository: as its owner's files, as `git` of the owner
would have made them.

Its owner may change the repository meanwhile. So objects are made apart and copied by descriptors,
and no file that is there is ever given away.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from sandbox.git.git_process import CleanRepository, GitFailed
from sandbox.host import new_file, no_follow

_LOOSE_FOLDER = re.compile(r"[0-9a-f]{2}")
_OBJECT_MODE = 0o444
_MAX_REF_BYTES = 100


@contextmanager
def objects_apart(
    repository: CleanRepository, common: Path, scratch: Path
) -> Iterator[CleanRepository]:
    """The repository with new objects in `scratch`; at the end they lie in `common`, the git
    folder, for its owner. For anybody but root it is the repository itself.

    Raises GitFailed, also where the objects cannot be copied.
    """
    if os.geteuid() != 0:  # nobody else may give a file away
        yield repository
        return
    object_folder = scratch / "made"
    (object_folder / "info").mkdir(parents=True)
    (object_folder / "info" / "alternates").write_bytes(os.fsencode(repository.objects) + b"\n")
    yield replace(repository, objects=object_folder)
    try:
        with no_follow.opened(common) as top, no_follow.inside(top, "objects") as store:
            if store is None:
                raise GitFailed("it has no folder of objects")
            _copy(object_folder, store)
    except OSError as error:
        raise GitFailed(f"its objects cannot be written: {error.strerror}") from error


def make_branch(repository: CleanRepository, common: Path, name: str, commit: str) -> None:
    """Make a branch that is not there yet. Raises GitFailed.

    Its owner is that of the folder of branches, except in a repository of reftables.
    """
    path = f"refs/heads/{name}"
    with ExitStack() as stack:
        folder = _branch_folder(stack, common, path) if os.geteuid() == 0 else None
        repository.git("update-ref", path, commit, "0" * len(commit))
        if folder is not None:
            with suppress(OSError):  # it is there, if not its owner's
                _give(folder, path.rpartition("/")[2], commit)


def _copy(made: Path, store: int) -> None:
    owner = new_file.owner_of(os.fstat(store))
    for source in sorted(made.iterdir()):
        if source.name == "pack" and any(source.iterdir()):
            raise GitFailed("an object is too large")
        if not _LOOSE_FOLDER.fullmatch(source.name):
            continue
        with ExitStack() as stack:
            folder = stack.enter_context(no_follow.inside(store, source.name))
            if folder is None:
                folder = new_file.make_folder(store, source.name, owner)
                stack.callback(os.close, folder)
            present = set(no_follow.names(folder))
            for file in source.iterdir():
                if file.name not in present:
                    draft = new_file.draft(folder, file.read_bytes(), _OBJECT_MODE, owner)
                    new = stack.enter_context(draft)
                    os.rename(new, file.name, src_dir_fd=folder, dst_dir_fd=folder)


def _branch_folder(stack: ExitStack, common: Path, path: str) -> int | None:
    """The folder that the file of a branch goes into, made where it is missing; None where the
    branches are no files, or another branch stands in the way."""
    try:
        folder = stack.enter_context(no_follow.opened(common))
        for part in path.split("/")[:-1]:
            inner = stack.enter_context(no_follow.inside(folder, part))
            if inner is None:
                inner = new_file.make_folder(folder, part, new_file.owner_of(os.fstat(folder)))
                stack.callback(os.close, inner)
            folder = inner
    except OSError:
        return None
    return folder


def _give(folder: int, name: str, commit: str) -> None:
    """Put a file of the owner's in the place of the one that git made, where it is that one."""
    owner = new_file.owner_of(os.fstat(folder))
    ref_file = no_follow.read_bytes(folder, name, _MAX_REF_BYTES)
    content = f"{commit}\n".encode()
    if ref_file is None or ref_file[0] != content or new_file.owner_of(ref_file[1]) == owner:
        return
    with new_file.draft(folder, content, ref_file[1].st_mode, owner) as new:
        os.rename(new, name, src_dir_fd=folder, dst_dir_fd=folder)
