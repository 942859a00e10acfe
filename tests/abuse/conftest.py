"""At the end, a table: what was tried, where, and what became of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from _pytest.reports import TestReport
from _pytest.terminal import TerminalReporter

_NAME = re.compile(r"::test_(?:(?P<line>\d\d)_)?(?P<words>\w+)(?:\[(?P<value>.*)\])?$")
_WAYS = {
    "cheat_is_rejected": "whole verdict",
    "cheat_is_rejected_with_the_policy_off": "policy switched off",
    "honest_patch_is_accepted": "honest patch",
}
_SANDBOXES = ("docker", "bubblewrap", "process")
_WORDS = {"passed": "held", "failed": "FAILED", "error": "FAILED", "skipped": "not tried"}


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """With xdist this runs once, where the reports of all workers come together."""
    rows = sorted(set(_rows(terminalreporter)))
    if not rows:
        return
    header = ("line", "tried", "where", "result")
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    terminalreporter.section("abuse")
    for row in (header, tuple("-" * width for width in widths), *rows):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        terminalreporter.write_line(line.rstrip())
    held = sum(row[-1] == "held" for row in rows)
    terminalreporter.write_line(f"{held} of {len(rows)} held")


def _rows(reporter: TerminalReporter) -> Iterator[tuple[str, str, str, str]]:
    for outcome, word in _WORDS.items():
        for report in reporter.stats.get(outcome, ()):
            if isinstance(report, TestReport) and "abuse/" in report.nodeid:
                yield (*_tried(report.nodeid), word)


def _tried(test_id: str) -> tuple[str, str, str]:
    """Line of the list of attacks, what was tried, and in what."""
    found = _NAME.search(test_id)
    if found is None:
        return "", test_id, ""
    line, words, value = found["line"] or "", found["words"], found["value"] or ""
    if words in _WAYS:
        return line, value, _WAYS[words]
    parts = value.split("-")
    where = next((name for name in _SANDBOXES if name in parts), "")
    rest = " ".join(part for part in parts if part != where)
    return line, f"{words.replace('_', ' ')} {rest}".strip(), where
