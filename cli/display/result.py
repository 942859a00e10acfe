"""The end of a repair, for people: the patch, the evidence, and what to do with them."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rich.console import Console
from rich.text import Text

from agent.printable import printable, printable_lines
from agent.records import PlausiblePatch, RepairResult, Status
from agent.wording import counted, duration, tests

MAX_SHOWN_TESTS = 10
MAX_SHOWN_REASONS = 3
HEADLINES = {
    Status.REPAIRED: ("Repaired", "bold green"),
    Status.NOTHING_TO_FIX: ("Nothing to fix", "bold green"),
    Status.NOT_REPAIRED: ("Not repaired", "bold red"),
    Status.BUDGET_EXHAUSTED: ("Not repaired, a limit was reached", "bold red"),
    Status.NOT_REPRODUCED: ("Not reproduced", "bold yellow"),
    Status.FLAKY: ("Flaky tests, not a bug to repair", "bold yellow"),
    Status.NO_TESTS: ("No tests to repair by", "bold red"),
    Status.ENVIRONMENT_BROKEN: ("The tests cannot run here", "bold red"),
    Status.CANCELLED: ("Interrupted", "bold yellow"),
}
DIFF_STYLES = (
    ("diff --git", "bold"),
    ("---", "bold"),
    ("+++", "bold"),
    ("@@", "cyan"),
    ("+", "green"),
    ("-", "red"),
)

PROPOSER_NAMES = {"model": "the model", "polish": "the model, with a small edit by the search"}
"""Named in the result; the search goes without saying."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """Where the patch of a result was saved, applied or committed."""

    saved: Path | None = None
    target: str | None = None
    """The folder to apply it in; None for a clone of ours."""
    applied: tuple[str, ...] = ()
    branch: str | None = None


def render(console: Console, result: RepairResult, delivery: Delivery) -> None:
    if result.patch is not None:
        _line(console, Text())
        render_diff(console, result.patch.diff)
    _line(console, Text())
    _headline(console, result)
    if result.patch is not None:
        _evidence(console, result, result.patch)
        _delivered(console, delivery)
    elif result.baseline is not None:
        _fact(console, "tests", tests(result.baseline))
        _set_aside(console, result)
        _generated(console, result)
        _effort(console, result)


def render_diff(console: Console, diff: str) -> None:
    for line in printable_lines(diff.removesuffix("\n").replace("\r\n", "\n")):
        style = next((style for start, style in DIFF_STYLES if line.startswith(start)), "")
        _line(console, Text(line, style=style))


def _headline(console: Console, result: RepairResult) -> None:
    headline, style = HEADLINES[result.status]
    first_line, *lines = printable_lines(result.reason)
    _line(
        console,
        Text().append(headline, style=style).append(f": {first_line}" if first_line else ""),
    )
    for line in lines:
        _line(console, Text(f"  {line}", style="dim"))


def _evidence(console: Console, result: RepairResult, patch: PlausiblePatch) -> None:
    verdict = patch.verdict
    if patch.candidate.description not in result.reason:
        _fact(console, "change", printable(patch.candidate.description))
    if patch.candidate.proposer in PROPOSER_NAMES:
        _fact(console, "found by", PROPOSER_NAMES[patch.candidate.proposer])
    repaired = tuple(verdict.fail_to_pass)
    for index, test in enumerate(repaired[:MAX_SHOWN_TESTS]):
        _fact(console, "now pass" if index == 0 else "", printable(test), "green")
    if len(repaired) > MAX_SHOWN_TESTS:
        _fact(console, "", f"and {len(repaired) - MAX_SHOWN_TESTS:,} more")
    _fact(console, "still pass", f"{counted(verdict.guarding, 'test')} that passed before")
    if verdict.repeated:
        repetition = (
            f"{counted(verdict.repeated, 'more run')}: all fail without the patch, pass with it"
        )
        _fact(console, "repeated", repetition)
    _set_aside(console, result)
    _generated(console, result)
    _effort(console, result)
    for caution in patch.cautions:
        _fact(console, "caution", printable(caution), "yellow")
    if result.alternatives:
        number = counted(len(result.alternatives), "other patch", "other patches")
        _fact(console, "also", f"{number} passed the verdict; `repair show {result.run_id}`")


def _set_aside(console: Console, result: RepairResult) -> None:
    """What no patch was asked to mend, by reason: nobody should think that all is green now."""
    reasons: dict[str, list[str]] = {}
    for name, reason in (result.baseline.set_aside if result.baseline else {}).items():
        reasons.setdefault(reason, []).append(name)
    for index, (reason, names) in enumerate(list(reasons.items())[:MAX_SHOWN_REASONS]):
        tests = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1:,} more"
        _fact(console, "" if index else "set aside", printable(f"{tests}: {reason}"), "yellow")
    if len(reasons) > MAX_SHOWN_REASONS:
        omitted = sum(len(names) for names in list(reasons.values())[MAX_SHOWN_REASONS:])
        assert result.baseline is not None
        omitted += result.baseline.count("set_aside") - len(result.baseline.set_aside)
        _fact(console, "", f"and {omitted:,} more for other reasons", "yellow")


def _generated(console: Console, result: RepairResult) -> None:
    """Tests that were written for the problem stated: they are no part of the patch."""
    for test in result.generated_tests:
        _fact(console, "new test", printable(f"{test.path}, from {test.author}"))
        for claim in test.claims:
            _fact(console, "", printable(claim))
        if result.result_path is not None:
            saved = result.result_path.with_name(PurePosixPath(test.path).name)
            _fact(console, "", printable(f"saved in {saved}; it is no part of the patch"))


def _effort(console: Console, result: RepairResult) -> None:
    seconds = duration(sum(result.seconds.values()))
    if result.candidates_tried:
        _fact(console, "effort", f"{counted(result.candidates_tried, 'candidate')}, {seconds}")
    elif result.seconds:
        _fact(console, "effort", seconds)


def _delivered(console: Console, delivery: Delivery) -> None:
    if delivery.saved is not None:
        _fact(console, "saved", printable(str(delivery.saved)))
    if delivery.branch is not None:
        _fact(console, "branch", printable(delivery.branch))
    elif delivery.applied:
        _fact(console, "applied to", printable(", ".join(delivery.applied)))
    elif delivery.saved is not None and delivery.target is not None:
        command = ["git", "-C", delivery.target, "apply", str(delivery.saved)]
        _fact(console, "apply with", printable(shlex.join(command)))


def _fact(console: Console, label: str, text: str, style: str = "") -> None:
    _line(console, Text().append(label.rjust(11) + "  ", style="dim").append(text, style=style))


def _line(console: Console, text: Text) -> None:
    # soft_wrap: the terminal wraps by itself, so that a path or a diff can be copied whole.
    console.print(text, soft_wrap=True)
