"""Runs pytest through a plugin of our own and reads its events, never its printed output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from sandbox.base import Session
from sandbox.languages.python.runners.guest_sources import guest_sources
from sandbox.runners.base import OnProgress, TestReport
from sandbox.runners.restarts import GuestRun, run_with_restarts


@dataclass(frozen=True, kw_only=True)
class PytestSetup:
    """How the project's tests are started with pytest."""

    python: str
    """Interpreter inside the sandbox that has pytest."""
    args: tuple[str, ...] = ()
    """Paths to collect; empty leaves it to the project's configuration."""
    addopts: tuple[str, ...] = ()
    """Stands in for the project's `addopts`: what of it changes the meaning of the tests."""
    import_roots: tuple[str, ...] = (".",)
    """Folders put first on the import path, relative to the workspace; PYTHONPATH follows."""
    plugins: tuple[str, ...] = ()
    """Plugins named with `-p` that live in the project itself."""
    env: tuple[tuple[str, str], ...] = ()
    """Extra environment variables."""
    folder: str = "."
    """Where pytest is started, relative to the workspace."""
    program: tuple[str, ...] = ()
    """A program of the project inside which pytest is started, where it would run the tests
    itself: its settings and databases are there then. Empty for none."""
    program_args: tuple[str, ...] = ()

    def request(self) -> dict[str, Any]:
        """The part of a guest request that starts pytest."""
        return {
            "args": list(self.args),
            "addopts": list(self.addopts),
            "import_roots": list(self.import_roots),
            "plugins": list(self.plugins),
            "folder": self.folder,
            "program": list(self.program),
            "program_args": list(self.program_args),
        }

    @property
    def variables(self) -> Mapping[str, str] | None:
        return dict(self.env) or None


class PytestRunner:
    """`TestRunner` for pytest (and for what pytest can run, unittest included)."""

    __test__: ClassVar[bool] = False
    name = "pytest"

    def __init__(self, setup: PytestSetup) -> None:
        self.setup = setup

    def run(
        self,
        session: Session,
        test_ids: Sequence[str] | None = None,
        *,
        timeout_seconds: float,
        test_timeout_seconds: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> TestReport:
        """Run the named tests; a named test that no longer exists is missing in the report."""
        guest = GuestRun(
            entry="test_runs.pytest_run",
            sources=guest_sources,
            python=self.setup.python,
            request=self.setup.request(),
            env=self.setup.variables,
        )
        return run_with_restarts(
            session,
            guest,
            test_ids,
            timeout_seconds=timeout_seconds,
            test_timeout_seconds=test_timeout_seconds,
            on_progress=on_progress,
        )
