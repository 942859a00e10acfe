"""What git reads of a repository: looked through for links, or copied and held open.

Where others may write meanwhile, what was checked must be what is read: git is given descriptors
of packs, which can be large, and copies of the rest.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sandbox.git.folder import GitLeadsOutside
from sandbox.host import no_follow

MAX_PACKS = 150
MAX_LOOSE_BYTES = 2 * 1024**3
MAX_REFS = 100_000
MAX_FOLDER_DEPTH = 60
"""Folders in each other."""
STORE_FOLDERS = ("objects", "refs", "reftable")
DESCRIPTOR_FOLDER = Path("/proc/self/fd")
"""Names of what a process holds open, for itself; Linux alone has it."""
_PACK = re.compile(r"pack-[0-9a-f]{40}([0-9a-f]{24})?\.(pack|idx)")
_LOOSE_FOLDER = re.compile(r"[0-9a-f]{2}")
_LOOSE = re.compile(r"[0-9a-f]{38}([0-9a-f]{24})?")


def check_objects(common: int) -> None:
    """Look for links where nobody else writes meanwhile, so that git may read and write there.

    Raises GitLeadsOutside, OSError.
    """
    with _objects(common):
        pass
    for name in STORE_FOLDERS:
        with no_follow.inside(common, name) as folder:
            if folder is not None:
                _check_tree(folder, name)


def take_objects(common: int, clean: Path, stack: ExitStack) -> tuple[int, ...]:
    """Fill `clean` with the objects of a git folder; return the descriptors that git needs.

    The stack closes them. Raises GitLeadsOutside where objects are borrowed from another
    repository, or are too many; OSError.
    """
    objects = stack.enter_context(_objects(common))
    _copy_loose(objects, clean)
    return _hold_packs(objects, clean / "pack", stack)


@contextmanager
def _objects(common: int) -> Iterator[int]:
    with no_follow.inside(common, "objects") as objects:
        if objects is None:
            raise GitLeadsOutside("it has no folder of objects")
        with no_follow.inside(objects, "info") as info:
            if info is not None and "alternates" in no_follow.names(info):
                raise GitLeadsOutside(
                    "it borrows objects from another repository (objects/info/alternates); "
                    "`git repack -ad && rm .git/objects/info/alternates` makes it whole"
                )
        yield objects


def _check_tree(folder: int, path: str, depth: int = 0) -> None:
    with os.scandir(folder) as entries:
        for entry in entries:
            entry_path = f"{path}/{entry.name}"
            if entry.is_dir(follow_symlinks=False) and depth < MAX_FOLDER_DEPTH:
                with no_follow.inside(folder, entry.name) as inner:
                    if inner is not None:
                        _check_tree(inner, entry_path, depth + 1)
            elif not entry.is_file(follow_symlinks=False):
                raise GitLeadsOutside(f"{entry_path} is a link, or lies too deep")


def take_lists(common: int, clean: Path) -> None:
    """Copy what else says which commits and files a repository has. Raises OSError."""
    for name in ("packed-refs", "shallow"):
        no_follow.copy_file(common, name, clean / name)
    (clean / "info").mkdir()
    with no_follow.inside(common, "info") as info:
        if info is not None:
            no_follow.copy_file(info, "exclude", clean / "info" / "exclude")


def copy_refs(common: int, clean: Path) -> None:
    """Copy the refs of a git folder into a clean one. Raises GitLeadsOutside, OSError."""
    budget = [MAX_REFS]
    for name in STORE_FOLDERS[1:]:
        with no_follow.inside(common, name) as folder:
            if folder is not None:
                _copy_tree(folder, clean / name, budget)


def take_head(git_folder: int, clean: Path) -> None:
    """Copy HEAD and the index of a git folder into a clean one. Raises OSError."""
    shared_indexes = [
        name for name in no_follow.names(git_folder) if name.startswith("sharedindex.")
    ]
    for name in ("HEAD", "index", *shared_indexes):
        no_follow.copy_file(git_folder, name, clean / name)


def _copy_loose(objects: int, clean: Path) -> None:
    spare_bytes = MAX_LOOSE_BYTES
    for name in no_follow.names(objects):
        if not _LOOSE_FOLDER.fullmatch(name):
            continue
        (clean / name).mkdir(parents=True)
        with no_follow.inside(objects, name) as folder:
            for file in no_follow.names(folder) if folder is not None else ():
                if folder is not None and _LOOSE.fullmatch(file):
                    spare_bytes -= no_follow.copy_file(folder, file, clean / name / file)
                if spare_bytes < 0:
                    raise GitLeadsOutside("its loose objects are too large; run `git gc` in it")


def _hold_packs(objects: int, clean: Path, stack: ExitStack) -> tuple[int, ...]:
    clean.mkdir(parents=True, exist_ok=True)
    with no_follow.inside(objects, "pack") as folder:
        if folder is None:
            return ()
        names = [name for name in no_follow.names(folder) if _PACK.fullmatch(name)]
        if len(names) > 2 * MAX_PACKS:
            raise GitLeadsOutside(f"it has more than {MAX_PACKS} packs; run `git gc` in it")
        if not DESCRIPTOR_FOLDER.is_dir():
            for name in names:
                no_follow.copy_file(folder, name, clean / name)
            return ()
        descriptors = []
        for name in names:
            descriptor = no_follow.open_file(folder, name)
            if descriptor is not None:
                stack.callback(os.close, descriptor)
                (clean / name).symlink_to(DESCRIPTOR_FOLDER / str(descriptor))
                descriptors.append(descriptor)
    return tuple(descriptors)


def _copy_tree(folder: int, clean: Path, budget: list[int], depth: int = 0) -> None:
    clean.mkdir()
    for name in no_follow.names(folder):
        budget[0] -= 1
        if budget[0] < 0 or depth > MAX_FOLDER_DEPTH:
            raise GitLeadsOutside(f"it has more than {MAX_REFS:,} refs, or they lie too deep")
        kind = stat.S_IFMT(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
        if kind == stat.S_IFDIR:
            with no_follow.inside(folder, name) as inner:
                if inner is not None:
                    _copy_tree(inner, clean / name, budget, depth + 1)
        elif kind == stat.S_IFREG:
            no_follow.copy_file(folder, name, clean / name)
