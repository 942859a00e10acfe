"""Runs tests with pytest and says which source lines each of them ran."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sandbox.base import Session
from sandbox.languages.python.runners.guest_sources import guest_sources
from sandbox.languages.python.runners.pytest import PytestSetup
from sandbox.runners.base import Frame, TestReport
from sandbox.runners.event import Event
from sandbox.runners.restarts import GuestRun, run_with_restarts

Coverage = Mapping[str, Iterable[int]]
"""Path → lines run by one test."""

Lines = Mapping[str, frozenset[int]]
"""Path relative to the workspace → line numbers."""


@dataclass(frozen=True, kw_only=True)
class FrameValues:
    """Local variables of one frame when its test failed."""

    frame: Frame
    variables: Mapping[str, str]
    """Name, or attribute of one (`self.size`) → literal of a built-in scalar or small container;
    else its type in `<>`."""


@dataclass(frozen=True, kw_only=True)
class CoverageReport:
    """The lines that each test ran, and the values at its failure."""

    report: TestReport
    lines: Mapping[str, Lines]
    """Test id → lines it ran, set-up and tear-down included. A test that crashed the
    interpreter has none; one that was stopped by its time limit has what ran until then."""
    imported: Lines
    """Lines that ran while importing and collecting: they belong to every test."""
    values: Mapping[str, tuple[FrameValues, ...]]
    """Failing test → the project's frames of its traceback, innermost last."""


@dataclass
class _Collected:
    lines: dict[str, Lines] = field(default_factory=dict)
    imported: dict[str, frozenset[int]] = field(default_factory=dict)
    values: dict[str, tuple[FrameValues, ...]] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        if event["event"] == "lines":
            lines = {path: frozenset(numbers) for path, numbers in event["files"].items()}
            if event["id"]:
                self.lines[event["id"]] = lines
            else:
                for path, numbers in lines.items():
                    self.imported[path] = self.imported.get(path, frozenset()) | numbers
        elif event["event"] == "values":
            self.values[event["id"]] = tuple(
                FrameValues(
                    frame=Frame(path=path, line=line, function=function), variables=variables
                )
                for path, line, function, variables in event["frames"]
            )


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
    collector = _Collected()
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
    return CoverageReport(
        report=report,
        lines=collector.lines,
        imported=collector.imported,
        values=collector.values,
    )
