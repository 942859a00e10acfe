"""Environments kept on disk, for the sandboxes that mount a folder."""

from __future__ import annotations

import fcntl
import json
import os
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sandbox.base import Environment
from sandbox.environments.sealing import Seal, content_of, copy_tree, stamp_of
from sandbox.errors import EnvironmentDamaged
from sandbox.host.untrusted_tree import remove_tree
from sandbox.isolation.owner import NOBODY, this_process

MAX_RECENT_ENVIRONMENTS = 4
"""Installations of one project that stay, newest first, however long nobody uses them within a
day: each edit of its files makes another."""
SURPLUS_IDLE_SECONDS = 3600.0
MAX_IDLE_SECONDS = 86_400.0


class EnvironmentStore:
    """`<folder>/<key>.json` is the record of the sealed `<folder>/<key>-<unique>/`.

    A virtual environment holds its own absolute path, so its folder is never renamed: the
    record is what is put in place atomically. Whoever seals first wins, and nobody replaces a
    record that holds.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, key: str) -> Environment | None:
        """Return the sealed environment with this key, when it is there.

        Raises EnvironmentDamaged, once, when it is no longer what was sealed.
        """
        if self._record(key) is None:
            return None
        with self.lock():
            record = self._record(key)
            if record is None:
                return None
            if self._holds(key, record):
                self._touch(key)
                return _environment(key, record)
            self._condemn(key, record)
        raise EnvironmentDamaged(f"the kept environment {key} is no longer what was sealed")

    def interpreter(self, environment: Environment) -> str:
        """Return the base interpreter under an environment; itself when it is not from here.

        It is started on the host, so nothing that lies in an environment may name it. Raises
        EnvironmentDamaged for one from here that is no longer kept.
        """
        record = self._record(environment.key)
        if record is not None and str(environment.root) == record["root"]:
            self._touch(environment.key)
            return str(record["interpreter"])
        if environment.root is not None and environment.root.is_relative_to(self.folder):
            raise EnvironmentDamaged(f"the environment {environment.key} is no longer kept")
        return self._home(environment) or environment.python

    def new_root(self, key: str, base: Environment | None = None, uid: int | None = None) -> Path:
        """Make the folder of an environment that is about to be built, as a copy of `base`, and
        give it to a user."""
        self.folder.mkdir(parents=True, exist_ok=True)
        root = self.folder / f"{key}-{uuid.uuid4().hex[:8]}"
        root.mkdir(mode=0o755)
        self._mark(root).write_text(this_process().to_json())
        try:
            if base is not None and base.root is not None:
                copy_tree(base.root, root, uid)
            if uid is not None:
                os.chown(root, uid, uid)
        except BaseException:
            self.discard(root)
            raise
        return root

    def seal(
        self, environment: Environment, interpreter: str, base: Environment | None = None
    ) -> Environment:
        """Put the record of a finished folder in place, and return what is sealed under its key:
        the environment of whoever came first."""
        assert environment.root is not None
        seal = Seal.of(environment.root)
        record: Mapping[str, Any] = {
            "root": str(environment.root),
            "python": environment.python,
            "python_version": list(environment.python_version),
            "variables": dict(environment.variables),
            "interpreter": interpreter,
            "content": seal.content,
            "stamp": seal.stamp,
            "base": base.key if base else None,
        }
        with self.lock():
            earlier_record = self._record(environment.key)
            if earlier_record is not None and self._holds(environment.key, earlier_record):
                self.discard(environment.root)
                return _environment(environment.key, earlier_record)
            if earlier_record is not None:
                self._condemn(environment.key, earlier_record)
            self._write(environment.key, record)
            self._mark(environment.root).unlink(missing_ok=True)
        return environment

    def discard(self, root: Path) -> None:
        """Remove the folder of an environment that was not sealed; what cannot be removed stays
        the reaper's."""
        with suppress(OSError):
            remove_tree(root)
            self._mark(root).unlink(missing_ok=True)

    def remove(self, root: Path) -> None:
        """Remove an environment's folder that no process owns. Raises OSError."""
        remove_tree(root)
        self._mark(root).unlink(missing_ok=True)

    @contextmanager
    def lease(self, root: Path) -> Iterator[None]:
        """Keep a folder from being removed while a session is mounted on it.

        Raises EnvironmentDamaged where it is gone.
        """
        try:
            fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise EnvironmentDamaged(f"the environment {root} is no longer kept") from error
        try:
            fcntl.flock(fd, fcntl.LOCK_SH)
            yield
        finally:
            os.close(fd)

    def _is_leased(self, root: Path) -> bool:
        try:
            fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
        return False

    def unsealed(self) -> list[tuple[Path, str]]:
        """Return folders that are not in use as an environment, with their owner as JSON."""
        folders = []
        for mark in sorted(self.folder.glob("*.owner")) if self.folder.is_dir() else ():
            with suppress(FileNotFoundError):  # sealed or removed meanwhile
                if not self._is_leased(mark.with_suffix("")):
                    folders.append((mark.with_suffix(""), mark.read_text()))
        return folders

    def forget_idle(self) -> list[Path]:
        """Drop installations of edited projects that nobody uses any more; return the folders.

        They hold a project's code, so each state of its files has one; what they are built on
        is shared, and stays.
        """
        if not self.folder.is_dir():
            return []
        clock_seconds, folders = time.time(), []
        with self.lock():
            for members in self._families().values():
                for rank, (use_seconds, key, record) in enumerate(sorted(members, reverse=True)):
                    max_idle_seconds = (
                        MAX_IDLE_SECONDS if rank < MAX_RECENT_ENVIRONMENTS else SURPLUS_IDLE_SECONDS
                    )
                    if clock_seconds - use_seconds > max_idle_seconds:
                        self._condemn(key, record)
                        folders.append(Path(record["root"]))
        return folders

    def _families(self) -> dict[str, list[tuple[float, str, dict[str, Any]]]]:
        """What they are built on → when each was used last, its key and its record."""
        families: dict[str, list[tuple[float, str, dict[str, Any]]]] = {}
        for path in self.folder.glob("*.json"):
            record = self._record(path.stem)
            if record is not None and record.get("base"):
                use_seconds = path.stat().st_mtime
                families.setdefault(record["base"], []).append((use_seconds, path.stem, record))
        return families

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold what is kept under a key as it is, against every other process of this machine."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    # The lock is held from here on, where a record is read and put in place.

    def _holds(self, key: str, record: Mapping[str, Any]) -> bool:
        """Whether the folder is what was sealed. Where its files only have another place or changed
        hands, as after a restored backup, every byte is read again."""
        root = Path(record["root"])
        try:
            stamp = stamp_of(root)
            if stamp == record["stamp"]:
                return True
            if content_of(root) != record["content"]:
                return False
        except (OSError, KeyError):
            return False
        self._write(key, {**record, "stamp": stamp})
        return True

    def _condemn(self, key: str, record: Mapping[str, Any]) -> None:
        """Forget a record, and leave its folder to the reaper, once no session is on it."""
        (self.folder / f"{key}.json").unlink(missing_ok=True)
        root = Path(record["root"])
        if root.parent == self.folder and root.is_dir():
            self._mark(root).write_text(NOBODY.to_json())

    def _touch(self, key: str) -> None:
        with suppress(OSError):
            os.utime(self.folder / f"{key}.json")

    def _write(self, key: str, record: Mapping[str, Any]) -> None:
        partial = self.folder / f"{key}.{uuid.uuid4().hex[:8]}.partial"
        partial.write_text(json.dumps(record, indent=1))
        partial.replace(self.folder / f"{key}.json")

    def _mark(self, root: Path) -> Path:
        return root.with_name(root.name + ".owner")

    def _record(self, key: str) -> dict[str, Any] | None:
        try:
            record = json.loads((self.folder / f"{key}.json").read_text())
        except (OSError, ValueError):
            return None
        return record if isinstance(record, dict) and "root" in record else None

    def _home(self, environment: Environment) -> str | None:
        """Read the base interpreter from a virtual environment's own `pyvenv.cfg`."""
        configuration = Path(environment.python).parent.parent / "pyvenv.cfg"
        major, minor, _ = environment.python_version
        try:
            lines = configuration.read_text("utf-8", "replace").splitlines()
        except OSError:
            return None
        for line in lines:
            name, _, value = line.partition("=")
            candidate = Path(value.strip()) / f"python{major}.{minor}"
            if name.strip() == "home" and os.access(candidate, os.X_OK):
                return str(candidate)
        return None


def _environment(key: str, record: Mapping[str, Any]) -> Environment:
    version = tuple(int(part) for part in record["python_version"])
    return Environment(
        key=key,
        python=record["python"],
        python_version=(version[0], version[1], version[2]),
        root=Path(record["root"]),
        variables=record["variables"],
    )
