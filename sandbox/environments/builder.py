"""The install stage of the sandboxes that mount an environment's folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from sandbox.base import Environment
from sandbox.egress_report import EgressOutcome
from sandbox.environments.sealing import take_over
from sandbox.environments.store import EnvironmentStore
from sandbox.errors import EnvironmentTooLarge, InstallFailed
from sandbox.host.untrusted_tree import TooDeep, TreeTooLarge
from sandbox.session.session import GuestSession


class FolderBuilder:
    """Builds an environment in a folder. Implements `sandbox.base.EnvironmentBuilder`."""

    def __init__(
        self,
        store: EnvironmentStore,
        key: str,
        root: Path,
        interpreter: str,
        session: GuestSession,
        base: Environment | None = None,
        *,
        most_bytes: int,
        read_outside: Callable[[], EgressOutcome] = EgressOutcome,
    ) -> None:
        self.session = session
        self.outside = read_outside
        self.prefix = str(root)
        self._store = store
        self._key = key
        self._root = root
        self._interpreter = interpreter
        self._base = base
        self._most_bytes = most_bytes
        self._sealed = False

    def seal(
        self, *, python: str, python_version: tuple[int, int, int], variables: Mapping[str, str]
    ) -> Environment:
        self.session.close()
        try:
            take_over(self._root, self._most_bytes)
        except TooDeep as error:
            raise InstallFailed(
                "the installation left folders in the environment that are nested too deep to be"
                f" kept ({error.strerror}); mend it, or name another one with --install"
            ) from error
        except TreeTooLarge as error:
            raise EnvironmentTooLarge.over(
                f"it takes more than {self._most_bytes >> 20} MiB"
            ) from error
        environment = Environment(
            key=self._key,
            python=python,
            python_version=python_version,
            root=self._root,
            variables=dict(variables),
        )
        sealed_environment = self._store.seal(environment, self._interpreter, self._base)
        self._sealed = True
        return sealed_environment

    def discard(self) -> None:
        self.session.close()
        if not self._sealed:
            self._store.discard(self._root)
