"""Which source lines each test ran, and what its variables were where it failed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sandbox.runners.base import Frame, TestReport
from sandbox.runners.event import Event

Coverage = Mapping[str, Iterable[int]]
"""Path → lines run by one test."""

Lines = Mapping[str, frozenset[int]]
"""Path relative to the workspace → line numbers."""

MAX_LINE_NUMBERS = 20_000_000
"""Of all tests together; each takes some fifty bytes of the host's memory."""


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
class LineCollector:
    """Hears what a guest program tells of lines and values."""

    lines: dict[str, Lines] = field(default_factory=dict)
    imported: dict[str, set[int]] = field(default_factory=dict)
    values: dict[str, tuple[FrameValues, ...]] = field(default_factory=dict)
    left: int = MAX_LINE_NUMBERS
    """Line numbers that may still be held."""

    def take(self, event: Event) -> None:
        """Add an event; others than those are passed over."""
        if event["event"] == "lines":
            self._take_lines(event["id"], event["files"])
        elif event["event"] == "values":
            self.values[event["id"]] = tuple(
                FrameValues(
                    frame=Frame(path=path, line=line, function=function), variables=variables
                )
                for path, line, function, variables in event["frames"]
            )

    def _take_lines(self, test_id: str, files: Mapping[str, Sequence[int]]) -> None:
        self.left -= sum(map(len, files.values()))
        if self.left < 0:
            return
        if test_id:
            self.lines[test_id] = {path: frozenset(numbers) for path, numbers in files.items()}
        else:
            for path, numbers in files.items():
                self.imported.setdefault(path, set()).update(numbers)

    def collected(self, report: TestReport) -> CoverageReport:
        """What was heard, with the run that it belongs to."""
        imported = {path: frozenset(numbers) for path, numbers in self.imported.items()}
        return CoverageReport(
            report=report, lines=self.lines, imported=imported, values=self.values
        )
