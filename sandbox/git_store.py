"""What git reads of a repository: copied or held open, so that no link leads git elsewhere.

Packs can be large: git is given descriptors of them. The rest is small and is copied.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import ExitStack, suppress
from pathlib import Path

from sandbox import unlinked
from sandbox.git_folder import GitPointsElsewhere

MOST_PACKS = 200
MOST_LOOSE_BYTES = 2 * 1024**3
MOST_REFS = 100_000
OPEN_FILES = Path("/proc/self/fd")
"""Names of what a process holds open, for itself; Linux alone has it."""
_PACK = re.compile(r"pack-[0-9a-f]{40}([0-9a-f]{24})?\.(pack|idx)")
_LOOSE_FOLDER = re.compile(r"[0-9a-f]{2}")
_LOOSE = re.compile(r"[0-9a-f]{38}([0-9a-f]{24})?")


def take_objects(common: int, clean: Path, stack: ExitStack) -> tuple[int, ...]:
    """Fill `clean` with the objects of a git folder; return the descriptors that git needs.

    The stack closes them. Raises GitPointsElsewhere where objects are borrowed from another
    repository, or are too many; OSError.
    """
    objects = stack.enter_context(unlinked.inside(common, "objects"))
    if objects is None:
        raise GitPointsElsewhere("it has no folder of objects")
    if _borrows(objects):
        raise GitPointsElsewhere(
            "it borrows objects from another repository (objects/info/alternates); "
            "`git repack -ad && rm .git/objects/info/alternates` makes it whole"
        )
    _copy_loose(objects, clean)
    return _hold_packs(objects, clean / "pack", stack)


def _borrows(objects: int) -> bool:
    with unlinked.inside(objects, "info") as info:
        names = [] if info is None else unlinked.names(info)
    return "alternates" in names


def take_refs(common: int, clean: Path) -> None:
    """Copy the refs of a git folder, and what else says which commits it has. Raises OSError."""
    for name in ("packed-refs", "shallow"):
        unlinked.copy_file(common, name, clean / name)
    (clean / "info").mkdir()
    with unlinked.inside(common, "info") as info:
        if info is not None:
            unlinked.copy_file(info, "exclude", clean / "info" / "exclude")
    left = [MOST_REFS]
    for name in ("refs", "reftable"):
        with unlinked.inside(common, name) as folder:
            if folder is not None:
                _copy_tree(folder, clean / name, left)


def take_head(own: int, clean: Path) -> None:
    """Copy HEAD and the index. Raises OSError."""
    shared = [name for name in unlinked.names(own) if name.startswith("sharedindex.")]
    for name in ("HEAD", "index", *shared):
        unlinked.copy_file(own, name, clean / name)


def put_objects(objects: Path, into: int) -> None:
    """Write loose objects into an open folder of objects; those that are there stay.

    Raises OSError, also where a link is in the way.
    """
    for path in sorted(objects.glob("[0-9a-f][0-9a-f]/*")):
        with suppress(FileExistsError):
            os.mkdir(path.parent.name, 0o777, dir_fd=into)
        with unlinked.inside(into, path.parent.name) as folder:
            assert folder is not None
            _put(path, folder)


def _put(path: Path, folder: int) -> None:
    with suppress(FileNotFoundError):
        os.stat(path.name, dir_fd=folder, follow_symlinks=False)
        return
    partial = f"tmp_obj_{os.getpid()}_{path.name}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(partial, flags, 0o444, dir_fd=folder), "wb") as stream:
        stream.write(path.read_bytes())
        stream.flush()
        os.fsync(stream.fileno())
    os.rename(partial, path.name, src_dir_fd=folder, dst_dir_fd=folder)


def _copy_loose(objects: int, clean: Path) -> None:
    left = MOST_LOOSE_BYTES
    for name in unlinked.names(objects):
        if not _LOOSE_FOLDER.fullmatch(name):
            continue
        (clean / name).mkdir(parents=True)
        with unlinked.inside(objects, name) as folder:
            for file in unlinked.names(folder) if folder is not None else ():
                if folder is not None and _LOOSE.fullmatch(file):
                    left -= unlinked.copy_file(folder, file, clean / name / file)
                if left < 0:
                    raise GitPointsElsewhere("its loose objects are too large; run `git gc` in it")


def _hold_packs(objects: int, clean: Path, stack: ExitStack) -> tuple[int, ...]:
    clean.mkdir(parents=True, exist_ok=True)
    with unlinked.inside(objects, "pack") as folder:
        if folder is None:
            return ()
        names = [name for name in unlinked.names(folder) if _PACK.fullmatch(name)]
        if len(names) > 2 * MOST_PACKS:
            raise GitPointsElsewhere(f"it has more than {MOST_PACKS} packs; run `git gc` in it")
        if not OPEN_FILES.is_dir():
            for name in names:
                unlinked.copy_file(folder, name, clean / name)
            return ()
        held = []
        for name in names:
            descriptor = unlinked.open_file(folder, name)
            if descriptor is not None:
                stack.callback(os.close, descriptor)
                (clean / name).symlink_to(OPEN_FILES / str(descriptor))
                held.append(descriptor)
    return tuple(held)


def _copy_tree(folder: int, clean: Path, left: list[int]) -> None:
    clean.mkdir()
    for name in unlinked.names(folder):
        left[0] -= 1
        if left[0] < 0:
            raise GitPointsElsewhere(f"it has more than {MOST_REFS:,} refs; run `git pack-refs`")
        kind = stat.S_IFMT(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
        if kind == stat.S_IFDIR:
            with unlinked.inside(folder, name) as inner:
                if inner is not None:
                    _copy_tree(inner, clean / name, left)
        elif kind == stat.S_IFREG:
            unlinked.copy_file(folder, name, clean / name)
