"""Why a candidate was rejected, in words for the model: each test once, what broke and how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from agent.patches.doctest_examples import contradiction_in
from agent.prompts import prompt
from agent.proposers.agentic.tools.failure_text import LineAt, failure_text, no_line
from agent.proposers.agentic.tools.run_tests import names_told
from agent.records import Verdict
from sandbox.runners.base import TestResult

MAX_SHOWN_OBJECTIONS = 12
MAX_SHOWN_FAILURES = 5
MORE_TESTS = " did not pass"
"""How an objection ends that counts further tests."""
REPAIR_TESTS = "Tests that must pass"
GUARD_TESTS = "Tests that passed before"
FIND_OUT = "Find out why, change the source and call `submit` again."
DECIDE = (
    "Is there a right change with which the example holds, too? Then make it and call `submit` "
    "again. Otherwise say with `give_up` which of the two is wrong and why: people are shown this "
    "patch with your reason."
)
"""What to do about an example that no patch may change and that this one breaks."""


def rejection(name: str, verdict: Verdict, notes: Sequence[str], line_at: LineAt = no_line) -> str:
    """The prompt `name` with what speaks against the candidate. `line_at` gives the lines of the
    candidate's own files."""
    objections = [*_objections(verdict, notes), *_outcomes(verdict, line_at)]
    advice = DECIDE if contradiction_in(verdict.objections) else FIND_OUT
    return prompt(name, objections="\n\n".join(objections), advice=advice)


def _objections(verdict: Verdict, notes: Sequence[str]) -> list[str]:
    """What is not told test by test below."""
    test_ids = tuple(verdict.failures)
    sentences = [text for text in verdict.objections if not _tells_of(text, verdict, test_ids)]
    lines = [*notes, *sentences[:MAX_SHOWN_OBJECTIONS]]
    if len(sentences) > MAX_SHOWN_OBJECTIONS:
        lines.append(f"and {len(sentences) - MAX_SHOWN_OBJECTIONS} more objections")
    return ["\n".join(f"- {sentence}" for sentence in lines)] if lines else []


def _tells_of(sentence: str, verdict: Verdict, told: Sequence[str]) -> bool:
    """Whether an objection only says how one test ended, of those that are told in full."""
    outcomes = {**verdict.fail_to_pass, **verdict.pass_to_pass}
    ends = (
        f" {test_id} is {outcomes.get(test_id, result.outcome).replace('_', ' ')}"
        for test_id, result in verdict.failures.items()
    )
    return bool(told) and (sentence.endswith(tuple(ends)) or sentence.endswith(MORE_TESTS))


def _outcomes(verdict: Verdict, line_at: LineAt) -> Iterator[str]:
    failures = dict(verdict.failures)
    for title, outcomes in (
        (REPAIR_TESTS, verdict.fail_to_pass),
        (GUARD_TESTS, verdict.pass_to_pass),
    ):
        if not outcomes:
            continue
        pass_count = sum(outcome in ("passed", "xpassed") for outcome in outcomes.values())
        yield f"{title}: {pass_count} of {len(outcomes)} pass."
        results = {test_id: failures.pop(test_id) for test_id in outcomes if test_id in failures}
        yield from _told(results, line_at)
        unsaid = [t for t, end in outcomes.items() if end not in ("passed", "xpassed")]
        unsaid = [f"{t}: {outcomes[t]}" for t in unsaid if t not in results]
        if unsaid and (not verdict.failures or title == REPAIR_TESTS):
            yield names_told("And:", unsaid)
    if failures:
        yield "Further files and tests that are red with your patch:"
        yield from _told(failures, line_at)


def _told(failures: Mapping[str, TestResult], line_at: LineAt) -> Iterator[str]:
    for test_id, result in list(failures.items())[:MAX_SHOWN_FAILURES]:
        yield failure_text(test_id, result, line_at)
    if len(failures) > MAX_SHOWN_FAILURES:
        yield names_told("More that fail:", list(failures)[MAX_SHOWN_FAILURES:])
