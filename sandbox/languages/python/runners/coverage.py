"""Runs tests with pytest and says which source lines each of them ran."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.base import Session
from sandbox.languages.coverage import CoverageReport, LineCollector
from sandbox.languages.python.runners.guest_sources import guest_sources
from sandbox.languages.python.runners.pytest import PytestSetup
from sandbox.runners.restarts import GuestRun, run_with_restarts


def collect(
    session: Session,
    setup: PytestSetup,
    test_ids: Sequence[str] | None,
    *,
    sources: Sequence[str],
    excluded: Sequence[str],
    timeout_seconds: float,
    test_timeout_seconds: float | None = None,
    isolation_seconds: float | None = None,
) -> CoverageReport:
    """Run the tests and record the lines of files below `sources` and not below `excluded`.

    Both are files or folders relative to the workspace; tests belong into `excluded`. A test
    over its own time-out still has its lines up to there. Each test runs in a fork of its own, so
    that no cache hides a line; after `isolation_seconds` (never when None), and where collecting
    left threads running, the others run in one process.
    """
    collector = LineCollector()
    request = {
        **setup.request(),
        "sources": list(sources),
        "excluded": list(excluded),
        "isolation_seconds": isolation_seconds,
    }
    guest = GuestRun(
        entry="test_runs.coverage_run",
        sources=guest_sources,
        python=setup.python,
        request=request,
        env=setup.variables,
    )
    report = run_with_restarts(
        session,
        guest,
        test_ids,
        timeout_seconds=timeout_seconds,
        test_timeout_seconds=test_timeout_seconds,
        listener=collector.take,
    )
    return collector.collected(report)
