"""What was found out about a failure, as parts of a comment, a description or a check run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from agent.records import (
    Baseline,
    Confidence,
    GeneratedTest,
    RepairResult,
    Status,
    SuspiciousLine,
    Verdict,
)
from agent.runs.result_file import Evidence
from agent.selection.announcement import is_in_part
from agent.selection.confidence import likely
from agent.wording import counted, in_part
from workers.github.api.markdown import code, code_block, details
from workers.github.intake.assignment import Assignment
from workers.github.publish.explanation import explained
from workers.github.publish.finished_job import FinishedJob
from workers.records import Job

MAX_SHOWN_TESTS = 20
MAX_SHOWN_PLACES = 10

HEADLINES: Mapping[Status, str] = {
    Status.REPAIRED: "A patch makes the failing tests pass",
    Status.PLAUSIBLE: "A patch makes failing tests pass, and may well be wrong",
    Status.REPAIRED_IN_PART: "A patch makes some of the failing tests pass, and others stay red",
    Status.NOT_REPAIRED: "No patch was found",
    Status.BUDGET_EXHAUSTED: "No patch was confirmed within the limits",
    Status.NOTHING_TO_FIX: "All tests pass: there is nothing to repair",
    Status.NOT_REPRODUCED: "The failure could not be shown by a test",
    Status.FLAKY: "The failing tests also pass, unchanged: they are flaky",
    Status.NO_TESTS: "There are no such tests",
    Status.ENVIRONMENT_BROKEN: "The tests cannot run here",
    Status.CANCELLED: "Cancelled",
}
PLAUSIBLE_IN_PART = (
    "A patch makes some of the failing tests pass, leaves others red, and may well be wrong"
)
NEXT_STEPS: Mapping[Status, str] = {
    Status.NOT_REPAIRED: "The places below are where the fault most likely lies.",
    Status.BUDGET_EXHAUSTED: "The places below are where the fault most likely lies. More time "
    "can be given in the service's policy (`max_seconds`).",
    Status.NOT_REPRODUCED: "A test that fails for this reason would let the repair go on: add one "
    "and write `/repair`.",
    Status.FLAKY: "A patch cannot be judged by tests that pass without it.",
    Status.NO_TESTS: "Name them as `/repair tests/test_x.py`.",
    Status.ENVIRONMENT_BROKEN: "How the project is installed and tested can be set in the "
    "service's policy (`install`, `test`, `python`).",
}


def headline(result: RepairResult) -> str:
    """How the repair ended, in one clause."""
    if result.status is Status.PLAUSIBLE and is_in_part(result):
        return PLAUSIBLE_IN_PART
    return HEADLINES[result.status]


def findings(
    assignment: Assignment, finished_job: FinishedJob, *, with_patch: bool = True
) -> Iterator[str]:
    """What failed, what passes now, what was tried, what speaks against it."""
    result, evidence = finished_job.result, finished_job.evidence
    if result.status in NEXT_STEPS:
        yield NEXT_STEPS[result.status]
    if result.patch is not None:
        if with_patch:
            yield code_block(result.patch.diff, "diff", 20_000)
        yield _passing_now(result.patch.verdict)
        yield from explained(result.patch)
        if result.patch.chosen:
            yield "**Why the model chose it**\n\n" + _list([result.patch.chosen])
        yield _how_sure(result.patch.confidence)
        if result.patch.cautions:
            yield "**Look here first**\n\n" + _list(result.patch.cautions)
        if result.baseline is not None and result.baseline.still_red:
            yield _still_red(result.baseline)
    if result.unshown:
        why = code(result.unshown, 300)
        yield (
            "**The issue itself** is shown by no test: failing tests that seem to be about it "
            f"stood in. Why none was made: {why}"
        )
    for test in result.generated_tests:
        yield _generated(test)
    if result.baseline is not None:
        yield _failing(result.baseline, evidence)
    if result.patch is None and result.suspicious:
        yield "**Where the fault likely is**\n\n" + _places(result.suspicious)
    yield _tried(assignment, result, evidence)


def about(assignment: Assignment, job: Job) -> str:
    request = f", asked by {code(assignment.asked_by)}" if assignment.asked_by else ""
    return f"<sub>Job {code(job.id)} on commit {code(assignment.commit)}{request}.</sub>"


def _passing_now(verdict: Verdict) -> str:
    names = list(verdict.fail_to_pass)
    return (
        f"**Now pass** ({len(names)}; {verdict.guarding} that passed before still do)\n\n"
        + _list(names)
    )


def _generated(test: GeneratedTest) -> str:
    """A test that was written for the issue: no part of the patch, so it is shown whole."""
    head = (
        "**Written for this**: no test showed the problem, so one was made, by "
        f"{code(test.author)}. It is no part of the patch. It stood in {code(test.path, 200)} and "
        "asks for:"
    )
    text = details("the test", code_block(test.text, "python", 4_000))
    return "\n\n".join((head, _list(test.claims), text))


def _failing(baseline: Baseline, evidence: Evidence | None) -> str:
    if not baseline.failing:
        return ""
    failures = evidence.baseline.failures if evidence and evidence.baseline else {}
    blocks = [
        code(name, 300) + "\n\n" + code_block(failures[name].message, limit=1_000)
        for name in baseline.failing[:5]
        if name in failures
    ]
    head = (
        f"**What failed before**: {baseline.failed} of "
        f"{baseline.failed + baseline.count('passing')} tests"
    )
    names = "" if blocks else _list(baseline.failing)
    flaky = f"Flaky, left alone:\n\n{_list(baseline.flaky)}" if baseline.flaky else ""
    messages = details("how", "\n\n".join(blocks)) if blocks else ""
    still_red = set(baseline.still_red)
    items = [f"{t}: {why}" for t, why in baseline.set_aside.items() if t not in still_red]
    set_aside = f"Set aside, still red:\n\n{_list(items)}" if items else ""
    return "\n\n".join(part for part in (head, names, messages, flaky, set_aside) if part)


def _how_sure(confidence: Confidence | None) -> str:
    """How likely the patch is right, sign by sign."""
    if confidence is None:
        return "**How sure**: not measured"
    question = confidence.signs.question
    reasons = [*confidence.reasons, *([f"? {question}"] if question else [])]
    return f"**How sure**: {likely(confidence)}\n\n{_list(reasons)}"


def _still_red(baseline: Baseline) -> str:
    """What the patch leaves red: nobody should take a repair in part for a whole one."""
    reasons = [f"{t}: {baseline.set_aside.get(t, '')}" for t in baseline.still_red]
    return f"**Still red**: {in_part(baseline)}\n\n{_list(reasons)}"


def _places(lines: Iterable[SuspiciousLine]) -> str:
    return _list(
        f"{line.path}:{line.line}" + (f" ({', '.join(line.reasons)})" if line.reasons else "")
        for line in list(lines)[:MAX_SHOWN_PLACES]
    )


def _tried(assignment: Assignment, result: RepairResult, evidence: Evidence | None) -> str:
    seconds = sum(result.seconds.values())
    facts = [f"{result.candidates_tried:,} candidates tried in {seconds:.0f} s"]
    if result.alternatives:
        facts.append(f"{counted(len(result.alternatives), 'other patch', 'other patches')} passed")
    if assignment.tests:
        facts.append("only " + ", ".join(code(test) for test in assignment.tests[:5]))
    if evidence is not None and evidence.facts.get("model"):
        facts.append(f"model {code(evidence.facts['model'])}")
    return "; ".join(facts) + "."


def _list(names: Iterable[str]) -> str:
    items = list(names)
    lines = [f"- {code(name, 300)}" for name in items[:MAX_SHOWN_TESTS]]
    if len(items) > MAX_SHOWN_TESTS:
        lines.append(f"- and {len(items) - MAX_SHOWN_TESTS} more")
    return "\n".join(lines)
