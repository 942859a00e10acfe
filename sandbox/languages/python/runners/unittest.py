"""Runs unittest's own discovery through a result class of our own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from sandbox.base import Session
from sandbox.languages.python.runners.streamed import GuestRun, run_streamed
from sandbox.runners.base import OnProgress, TestReport


@dataclass(kw_only=True)
class UnittestRunner:
    """`TestRunner` for `python -m unittest`; test ids are dotted."""

    __test__: ClassVar[bool] = False
    python: str
    """Interpreter inside the sandbox."""
    args: tuple[str, ...] = ()
    """After `python -m unittest`; empty means discovery from the workspace."""
    import_roots: tuple[str, ...] = (".",)
    """Folders put first on the import path, relative to the workspace; PYTHONPATH follows."""

    name: str = field(default="unittest", init=False)

    def run(
        self,
        session: Session,
        test_ids: Sequence[str] | None = None,
        *,
        timeout_seconds: float,
        test_timeout_seconds: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> TestReport:
        """Run the named tests out of all that the command line finds."""
        guest = GuestRun(
            entry="test_runs.unittest_run",
            python=self.python,
            request={"args": list(self.args), "import_roots": list(self.import_roots)},
        )
        return run_streamed(
            session,
            guest,
            test_ids,
            timeout_seconds=timeout_seconds,
            test_timeout_seconds=test_timeout_seconds,
            on_progress=on_progress,
        )
