"""The end of a repair, for people: the patch, the evidence, and what to do with them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from rich.console import Console
from rich.text import Text

from agent.records import (
    Baseline,
    Confidence,
    ExecutedSigns,
    PlausiblePatch,
    RepairResult,
    Status,
    Verdict,
)
from agent.selection.announcement import is_in_part
from agent.selection.answer_table import answer_lines
from agent.selection.confidence import is_sure, likely
from agent.untrusted_text import printable, printable_lines
from agent.wording import counted, duration, tests
from cli.display.console import as_written

MAX_SHOWN_TESTS = 10
MAX_SHOWN_REASONS = 3
MAX_REJECTED_LINES = 60
MARGIN = 13
"""Columns of the label of a fact, and of the gap behind it."""
HEADLINES = {
    Status.REPAIRED: ("Repaired", "bold green"),
    Status.PLAUSIBLE: ("Plausible, may be wrong", "bold yellow"),
    Status.REPAIRED_IN_PART: ("Repaired in part", "bold yellow"),
    Status.NOTHING_TO_FIX: ("Nothing to fix", "bold green"),
    Status.NOT_REPAIRED: ("Not repaired", "bold red"),
    Status.BUDGET_EXHAUSTED: ("Not repaired, a limit was reached", "bold red"),
    Status.NOT_REPRODUCED: ("Not reproduced", "bold yellow"),
    Status.FLAKY: ("Flaky tests, not a bug to repair", "bold yellow"),
    Status.NO_TESTS: ("No tests to repair by", "bold red"),
    Status.ENVIRONMENT_BROKEN: ("The tests cannot run here", "bold red"),
    Status.CANCELLED: ("Interrupted", "bold yellow"),
}
PLAUSIBLE_IN_PART = "Plausible in part, may be wrong"
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
        _failing(console, result.baseline)
        _set_aside(console, result)
        _generated(console, result)
        _effort(console, result)
        _rejected(console, result)


def render_diff(console: Console, diff: str) -> None:
    for line in printable_lines(diff.removesuffix("\n").replace("\r\n", "\n")):
        style = next((style for start, style in DIFF_STYLES if line.startswith(start)), "")
        _line(console, Text(line, style=style))


def _headline(console: Console, result: RepairResult) -> None:
    headline, style = HEADLINES[result.status]
    if result.status is Status.PLAUSIBLE and is_in_part(result):
        headline = PLAUSIBLE_IN_PART
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
    if name := _found_by(patch.candidate.proposer):
        _fact(console, "found by", name)
    if patch.chosen:
        _fact(console, "chosen", printable(f"by the model: {patch.chosen}"))
    test_names = tuple(verdict.fail_to_pass)
    for index, test in enumerate(test_names[:MAX_SHOWN_TESTS]):
        _fact(console, "now pass" if index == 0 else "", printable(test), "green")
    if len(test_names) > MAX_SHOWN_TESTS:
        _fact(console, "", f"and {len(test_names) - MAX_SHOWN_TESTS:,} more")
    _fact(console, "still pass", f"{counted(verdict.guarding, 'test')} that passed before")
    if verdict.repeated:
        repetition = (
            f"{counted(verdict.repeated, 'more run')}: all fail without the patch, pass with it"
        )
        _fact(console, "repeated", repetition)
    _set_aside(console, result)
    _generated(console, result)
    _effort(console, result)
    _answers(console, verdict)
    _confidence(console, patch.confidence)
    for caution in patch.cautions:
        _fact(console, "caution", printable(caution), "yellow")
    _others(console, result, patch.confidence)


def _others(console: Console, result: RepairResult, sure: Confidence | None) -> None:
    """That more patches passed, and whether anything speaks for the first of them."""
    if not result.alternatives:
        return
    number = counted(len(result.alternatives), "other patch", "other patches")
    command = f"`repair show {result.run_id} --alternatives` shows {_them(result)}"
    _fact(console, "also", f"{number} passed the verdict; {command}")
    signs = sure.signs if sure else ExecutedSigns()
    if result.status is Status.PLAUSIBLE and not (signs.compared and signs.disagreeing):
        sentence = "no generated call tells them apart, so the right one may be another"
        _fact(console, "", sentence, "yellow")


def _them(result: RepairResult) -> str:
    return "it" if len(result.alternatives) == 1 else "them"


def render_alternatives(console: Console, result: RepairResult) -> None:
    """The other patches that passed: each with its diff, and how sure it is."""
    for number, alternative in enumerate(result.alternatives, start=1):
        heading = f"Alternative {number}: {printable(alternative.candidate.description)}"
        console.print(Text(f"\n{heading}", style="bold"), soft_wrap=True)
        render_diff(console, alternative.diff)
        _answers(console, alternative.verdict)
        _confidence(console, alternative.confidence)
        for caution in alternative.cautions:
            _fact(console, "caution", printable(caution), "yellow")


def _answers(console: Console, verdict: Verdict) -> None:
    """Calls that no test makes, with what they gave before and what they give with the patch."""
    lines = answer_lines(verdict, console.width - MARGIN, partial(as_written, console))
    for index, line in enumerate(lines):
        _fact(console, "" if index else "answers", line, "" if index else "dim")


def _confidence(console: Console, confidence: Confidence | None) -> None:
    """How sure the patch is right, each sign in words, and what only a person can answer."""
    if confidence is None:
        _fact(console, "how sure", "not measured")
        return
    style = "green" if is_sure(confidence) else "yellow"
    _fact(console, "how sure", likely(confidence), style)
    for reason in confidence.reasons:
        _fact(console, "", printable(reason))
    if confidence.signs.question:
        _fact(console, "question", printable(confidence.signs.question), "yellow")


def _rejected(console: Console, result: RepairResult) -> None:
    """The model's best patch that did not pass: no repair, but a place to go on from."""
    best = result.rejected
    if best is None:
        return
    _fact(console, "rejected", printable(best.description), "yellow")
    for objection in best.objections[:MAX_SHOWN_REASONS]:
        _fact(console, "", printable(objection))
    _line(console, Text())
    lines = best.diff.split("\n")
    render_diff(console, "\n".join(lines[:MAX_REJECTED_LINES]))
    if len(lines) > MAX_REJECTED_LINES:
        _line(console, Text(f"… {len(lines) - MAX_REJECTED_LINES:,} more lines"))


def _failing(console: Console, baseline: Baseline) -> None:
    """The tests that nothing was found for, by name."""
    for index, test in enumerate(baseline.failing[:MAX_SHOWN_TESTS]):
        _fact(console, "" if index else "still fail", printable(test), "red")
    if (more := baseline.count("failing") - MAX_SHOWN_TESTS) > 0:
        _fact(console, "", f"and {more:,} more")


def _found_by(proposer: str) -> str:
    """Who made the patch; empty where that goes without saying."""
    names = proposer.split("+")
    if not PROPOSER_NAMES.keys() & set(names):
        return ""
    return " and ".join(PROPOSER_NAMES.get(name, "the search") for name in names)


def _set_aside(console: Console, result: RepairResult) -> None:
    """What stays red, and what no patch was asked to mend: nobody should think that all is green
    now."""
    baseline = result.baseline
    if baseline is None:
        return
    red = set(baseline.still_red)
    still_red = {name: why for name, why in baseline.set_aside.items() if name in red}
    other_tests = {name: why for name, why in baseline.set_aside.items() if name not in red}
    _by_reason(console, "still red", still_red, len(red))
    _by_reason(console, "set aside", other_tests, baseline.count("set_aside") - len(red))


def _by_reason(console: Console, label: str, reasons: Mapping[str, str], number: int) -> None:
    """The first reasons, each with a test; `number` counts tests that are not named here, too."""
    tests: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        tests.setdefault(reason, []).append(name)
    entries = list(tests.items())[:MAX_SHOWN_REASONS]
    for index, (reason, names) in enumerate(entries):
        words = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1:,} more"
        _fact(console, "" if index else label, printable(f"{words}: {reason}"), "yellow")
    if len(tests) > len(entries):
        remainder = number - sum(len(names) for _, names in entries)
        _fact(console, "", f"and {remainder:,} more for other reasons", "yellow")


def _generated(console: Console, result: RepairResult) -> None:
    """Tests that were written for the problem stated: they are no part of the patch."""
    if result.unshown:
        sentence = (
            f"no test shows it: failing tests that seem to be about it stood in ({result.unshown})"
        )
        _fact(console, "issue", printable(sentence), "yellow")
    for test in result.generated_tests:
        _fact(console, "new test", printable(f"{test.path}, from {test.author}"))
        for claim in test.claims:
            _fact(console, "", printable(claim))
        if result.result_path is not None:
            path = result.result_path.with_name(PurePosixPath(test.path).name)
            _fact(console, "", printable(f"saved in {path}; it is no part of the patch"))


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
    _line(
        console,
        Text().append(label.rjust(MARGIN - 2) + "  ", style="dim").append(text, style=style),
    )


def _line(console: Console, text: Text) -> None:
    # soft_wrap: the terminal wraps by itself, so that a path or a diff can be copied whole.
    console.print(text, soft_wrap=True)
