"""Several commands that are the tests of one project: one run, one report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sandbox.base import CommandResult
from sandbox.runners.base import FAILING, OnProgress, RunProgress, TestReport, TestResult


def merged(reports: Sequence[TestReport]) -> TestReport:
    """The reports of commands that ran one after the other. A test that several of them ran fails
    where it failed in one."""
    if len(reports) == 1:
        return reports[0]
    results: dict[str, TestResult] = {}
    for report in reports:
        for test_id, result in report.results.items():
            if test_id not in results or result.outcome in FAILING:
                results[test_id] = result
    errors = {place: text for report in reports for place, text in report.collection_errors.items()}
    repetition_count = sum(len(report.results) for report in reports) - len(results)
    counts = [report.collected for report in reports]
    return TestReport(
        results=results,
        collection_errors=errors,
        finished=all(report.finished for report in reports),
        command=_together([report.command for report in reports]),
        examples={t: path for report in reports for t, path in report.examples.items()},
        collected=None if None in counts else sum(filter(None, counts)) - repetition_count,
    )


def after(earlier: Sequence[TestReport], tell: OnProgress | None) -> OnProgress | None:
    """Tells of a command's progress what is done together with the commands before it."""
    if tell is None or not earlier:
        return tell
    summary = merged(earlier)
    failure_count = sum(result.outcome in FAILING for result in summary.results.values())
    test_count = summary.collected

    def told(progress: RunProgress) -> None:
        is_known = test_count is not None and progress.collected is not None
        tell(
            replace(
                progress,
                done=progress.done + len(summary.results),
                failed=progress.failed + failure_count,
                collected=(test_count or 0) + (progress.collected or 0) if is_known else None,
            )
        )

    return told


def _together(commands: Sequence[CommandResult]) -> CommandResult:
    """The first that did not end well, with what all of them said."""
    worst = next((command for command in commands if not command.ok), commands[0])
    return replace(
        worst,
        stdout="\n".join(command.stdout for command in commands if command.stdout),
        stderr="\n".join(command.stderr for command in commands if command.stderr),
        seconds=sum(command.seconds for command in commands),
        timed_out=any(command.timed_out for command in commands),
        out_of_memory=any(command.out_of_memory for command in commands),
    )
