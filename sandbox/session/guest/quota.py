"""Guest code: how much of the host's disk the install stage may fill, looked at while it runs."""

from __future__ import annotations

import errno
import os
import stat
import time
from typing import Any, Dict, List, Optional, Set, Tuple

MAX_FOLDER_LEVELS = 100
MIN_PAUSE_SECONDS = 1.0
PAUSE_FACTOR = 20  # of the time goes to everything else: a walk blocks the loop that it runs in
KERNEL_FOLDERS = ("/proc", "/sys", "/dev")


class Quota:
    """Adds up what lies in the folders that a build can write to on the host's disk.

    No file system holds a limit there. The free space of the disk tells at once that something
    grows; whose it is, and how many files, is found by looking.
    """

    def __init__(self, request: Dict[str, Any]) -> None:
        self.prefix: str = request["prefix"]
        self.bytes: int = request["bytes"]
        self.files: int = request["files"]
        self.reserve: int = request["reserve"]
        self.places = [self.prefix, *_other_places(self.prefix)]
        self.device = os.stat(self.prefix).st_dev
        self.free, self.free_files = self._free()
        self.next_look = 0.0

    def exceeded(self) -> Optional[str]:
        """Say in words which limit is passed; None while all is well."""
        free, free_files = self._free()
        if free < self.reserve:
            return "No space left on device: the environment fills the disk"
        grew = (
            self.free - free > self.bytes // 16 or self.free_files - free_files > self.files // 16
        )
        if time.monotonic() < self.next_look and not grew:
            return None
        start_seconds = time.monotonic()
        try:
            excess = self._look()
        except OSError:  # a path longer than any may be: nothing honest has one
            excess = "its folders are nested too deep"
        clock_seconds = time.monotonic()
        self.free, self.free_files = free, free_files
        self.next_look = clock_seconds + max(
            MIN_PAUSE_SECONDS, PAUSE_FACTOR * (clock_seconds - start_seconds)
        )
        return excess

    def _free(self) -> Tuple[int, int]:
        state = os.statvfs(self.prefix)
        return state.f_bavail * state.f_frsize, state.f_ffree

    def _look(self) -> Optional[str]:
        size, files = _unlinked_bytes(self.device), 0
        inodes: Set[Tuple[int, int]] = set()
        queue = [(folder_path, 0) for folder_path in self.places]
        while queue:
            folder, level = queue.pop()
            for path, state in _children(folder):
                files += 1
                if state.st_nlink > 1 and not stat.S_ISDIR(state.st_mode):
                    if (state.st_dev, state.st_ino) in inodes:
                        continue
                    inodes.add((state.st_dev, state.st_ino))
                # Holes count: who copies or reads the file meets them as bytes.
                size += max(state.st_blocks * 512, state.st_size)
                if stat.S_ISDIR(state.st_mode):
                    queue.append((path, level + 1))
            if size > self.bytes:
                return "it takes more than {} MiB".format(self.bytes >> 20)
            if files > self.files:
                return "it has more than {} files".format(self.files)
            if level > MAX_FOLDER_LEVELS:
                return "its folders are nested too deep"
        return None


def _children(folder: str) -> List[Tuple[str, os.stat_result]]:
    """What lies in a folder. One that is shut is opened: it is of the same user's making."""
    children = []
    try:
        names = os.listdir(folder)
    except PermissionError:
        try:
            os.chmod(folder, 0o700)
            names = os.listdir(folder)
        except OSError:
            return []  # not ours, so not of the build's making
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise
        return []  # removed meanwhile
    for name in names:
        path = folder + "/" + name
        try:
            children.append((path, os.lstat(path)))
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                raise
    return children


def _unlinked_bytes(device: int) -> int:
    """What lies in files that have no name any more and that somebody holds open."""
    sizes: Dict[int, int] = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        folder = "/proc/" + pid + "/fd/"
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        for name in names:
            try:
                state = os.stat(folder + name)
            except OSError:
                continue
            if state.st_nlink == 0 and state.st_dev == device and stat.S_ISREG(state.st_mode):
                sizes[state.st_ino] = state.st_blocks * 512
    return sum(sizes.values())


def _other_places(prefix: str) -> List[str]:
    """Folders outside the prefix that lie on the same file system and can be written to."""
    device = os.stat(prefix).st_dev
    places: List[str] = []
    if os.stat("/").st_dev != device:
        return places
    for folder, folders, _ in os.walk("/"):
        below = [os.path.join(folder, name) for name in folders]
        keep = [path for path in below if path not in KERNEL_FOLDERS and path != prefix]
        folders[:] = [os.path.basename(path) for path in keep if _on(path, device)]
        writable = [path for path in keep if _on(path, device) and os.access(path, os.W_OK)]
        places += writable
        folders[:] = [n for n in folders if os.path.join(folder, n) not in writable]
    return places


def _on(path: str, device: int) -> bool:
    try:
        state = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISDIR(state.st_mode) and state.st_dev == device
