"""Runs a program that hands its tests to unittest, through a result class of our own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from sandbox.base import Session
from sandbox.languages.python.detection.test_setup import UNITTEST_PROGRAM, prepares_tests
from sandbox.languages.python.runners.guest_sources import guest_sources
from sandbox.runners.base import OnProgress, TestReport
from sandbox.runners.merged_reports import after, merged
from sandbox.runners.restarts import GuestRun, run_with_restarts
from sandbox.runners.test_ids import dotted_names

NO_TESTS_EXIT_CODE = 5
"""Of unittest from Python 3.12 on, and of pytest."""
BROKEN_STATUS = 70
"""Of a program that an exception ended: EX_SOFTWARE of sysexits.h."""


@dataclass(kw_only=True)
class UnittestRunner:
    """`TestRunner` for `python -m unittest` and for what ends in it: Django's runner, trial,
    nose2, scripts. Test ids are dotted."""

    __test__: ClassVar[bool] = False
    python: str
    """Interpreter inside the sandbox."""
    args: tuple[str, ...] = ()
    """After the program; empty means unittest's discovery."""
    program: tuple[str, ...] = UNITTEST_PROGRAM
    """What Python is started with: `-m` and a module, or a file relative to `folder`."""
    folder: str = "."
    """Where it runs, relative to the workspace."""
    env: tuple[tuple[str, str], ...] = ()
    """Extra environment variables."""
    import_roots: tuple[str, ...] = (".",)
    """Folders put first on the import path, relative to the workspace; PYTHONPATH follows."""
    more: tuple[UnittestRunner, ...] = ()
    """Run after this one: their tests belong to the same run, whose time they share."""

    name: str = field(default="unittest", init=False)

    @property
    def needs_program(self) -> bool:
        """Whether nothing else can run the tests: their program prepares what they need."""
        return prepares_tests(self.program)

    def run(
        self,
        session: Session,
        test_ids: Sequence[str] | None = None,
        *,
        timeout_seconds: float,
        test_timeout_seconds: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> TestReport:
        """Run the named tests out of all that the command lines find. A file, or a test in
        pytest's spelling, stands for its tests, too. Of a test that several run the worse end
        counts."""
        deadline, reports = time.monotonic() + timeout_seconds, list[TestReport]()
        for runner in (self, *self.more):
            report = runner._run_alone(
                session,
                test_ids,
                timeout_seconds=max(0.0, deadline - time.monotonic()),
                test_timeout_seconds=test_timeout_seconds,
                on_progress=after(reports, on_progress),
            )
            reports.append(report)
            if report.command.timed_out:
                break
        return merged(reports)

    def _run_alone(
        self,
        session: Session,
        test_ids: Sequence[str] | None,
        *,
        timeout_seconds: float,
        test_timeout_seconds: float | None,
        on_progress: OnProgress | None,
    ) -> TestReport:
        guest = GuestRun(
            entry="test_runs.unittest_run",
            sources=guest_sources,
            python=self.python,
            request={
                "args": list(self.args),
                "program": list(self.program),
                "folder": self.folder,
                "import_roots": list(self.import_roots),
                "broken_status": BROKEN_STATUS,
            },
            env=dict(self.env) or None,
        )
        report = run_with_restarts(
            session,
            guest,
            None if test_ids is None else _spelled(test_ids),
            timeout_seconds=timeout_seconds,
            test_timeout_seconds=test_timeout_seconds,
            on_progress=on_progress,
        )
        return report if _ended_well(report) else replace(report, finished=False)


def _ended_well(report: TestReport) -> bool:
    """Not so of a program that fails before it has tests (wrong settings), or among them."""
    if not report.results and not report.collection_errors:
        return report.command.exit_code in (None, 0, NO_TESTS_EXIT_CODE)
    is_short = report.collected is not None and len(report.results) < report.collected
    return not (is_short and report.command.exit_code == BROKEN_STATUS)


def _spelled(selectors: Sequence[str]) -> list[str]:
    return [name for selector in selectors for name in (selector, *dotted_names(selector))]
