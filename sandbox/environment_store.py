"""Environments kept on disk, for the sandboxes that mount a folder."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from sandbox.base import Environment
from sandbox.owner import this_process


class EnvironmentStore:
    """`<folder>/<key>.json` is the record of the sealed `<folder>/<key>-<unique>/`.

    A virtual environment holds its own absolute path, so its folder is never renamed: the
    record is what is put in place atomically, and the last writer wins.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, key: str) -> Environment | None:
        """Return the sealed environment with this key, when it is there and whole."""
        record = self._record(key)
        if record is None or not Path(record["root"]).is_dir():
            return None
        version = tuple(int(part) for part in record["python_version"])
        return Environment(
            key=key,
            python=record["python"],
            python_version=(version[0], version[1], version[2]),
            root=Path(record["root"]),
            variables=record["variables"],
        )

    def interpreter(self, environment: Environment) -> str:
        """Return the base interpreter under an environment; itself when it is not from here."""
        record = self._record(environment.key)
        if record is not None and str(environment.root) == record["root"]:
            return str(record["interpreter"])
        return self._home(environment) or environment.python

    def new_root(self, key: str) -> Path:
        """Make the folder of an environment that is about to be built."""
        self.folder.mkdir(parents=True, exist_ok=True)
        root = self.folder / f"{key}-{uuid.uuid4().hex[:8]}"
        root.mkdir(mode=0o755)
        self._mark(root).write_text(this_process().to_json())
        return root

    def seal(self, environment: Environment, interpreter: str) -> None:
        """Put the record of a finished folder in place."""
        assert environment.root is not None
        before = self._record(environment.key)
        record: Mapping[str, Any] = {
            "root": str(environment.root),
            "python": environment.python,
            "python_version": list(environment.python_version),
            "variables": dict(environment.variables),
            "interpreter": interpreter,
        }
        partial = self.folder / f"{environment.key}.{uuid.uuid4().hex[:8]}.partial"
        partial.write_text(json.dumps(record, indent=1))
        partial.replace(self.folder / f"{environment.key}.json")
        self._mark(environment.root).unlink(missing_ok=True)
        if before is not None and before["root"] != str(environment.root):
            # Sessions that still use it stay mounted on it; the reaper takes it later.
            self._mark(Path(before["root"])).write_text(this_process().to_json())

    def discard(self, root: Path) -> None:
        """Remove the folder of an environment that was not sealed."""
        shutil.rmtree(root, ignore_errors=True)
        self._mark(root).unlink(missing_ok=True)

    def unsealed(self) -> list[tuple[Path, str]]:
        """Return folders that are not in use as an environment, with their owner as JSON."""
        found = []
        for mark in sorted(self.folder.glob("*.owner")) if self.folder.is_dir() else ():
            with suppress(FileNotFoundError):  # sealed or removed meanwhile
                found.append((mark.with_suffix(""), mark.read_text()))
        return found

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
