"""The install stage of the sandboxes that mount an environment's folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from sandbox.base import Environment
from sandbox.environment_store import EnvironmentStore
from sandbox.session import GuestSession


class FolderBuilder:
    """Implements `sandbox.base.EnvironmentBuilder`."""

    def __init__(
        self, store: EnvironmentStore, key: str, root: Path, interpreter: str, session: GuestSession
    ) -> None:
        self.session = session
        self.prefix = str(root)
        self._store = store
        self._key = key
        self._root = root
        self._interpreter = interpreter
        self._sealed = False

    def seal(
        self, *, python: str, python_version: tuple[int, int, int], variables: Mapping[str, str]
    ) -> Environment:
        self.session.close()
        _take_over(self._root)
        environment = Environment(
            key=self._key,
            python=python,
            python_version=python_version,
            root=self._root,
            variables=dict(variables),
        )
        self._store.seal(environment, self._interpreter)
        self._sealed = True
        return environment

    def discard(self) -> None:
        self.session.close()
        if not self._sealed:
            self._store.discard(self._root)


def _take_over(root: Path) -> None:
    """As root, own what the build's unprivileged user wrote, so that it is nobody else's."""
    if os.geteuid() != 0:
        return
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            os.chown(Path(folder) / name, 0, 0, follow_symlinks=False)
    os.chown(root, 0, 0)
