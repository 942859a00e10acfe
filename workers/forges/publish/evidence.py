"""What was found out about a failure, as parts of a comment, a description or a check run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from agent.records import (
    Baseline,
    GeneratedTest,
    PlausiblePatch,
    RejectedPatch,
    RepairResult,
    Status,
    SuspiciousLine,
)
from agent.runs.result_file import Evidence
from agent.selection.announcement import is_in_part
from agent.wording import counted, duration, in_part
from workers.forges.api.markdown import code, code_block, details
from workers.forges.intake.assignment import Assignment
from workers.forges.publish.explanation import (
    before_and_after,
    checked,
    how_sure,
    what_was_wrong,
)
from workers.forges.publish.finished_job import FinishedJob
from workers.records import Job

MAX_SHOWN_TESTS = 20
MAX_SHOWN_PLACES = 10
SHOWN_COMMIT = 12
"""Characters of a commit's id."""

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
    Status.NOT_REPAIRED: "Words in the issue that say what is wrong, or one test named as "
    "`/repair tests/test_x.py`, may help another attempt.",
    Status.BUDGET_EXHAUSTED: "`/repair tests/test_x.py` looks only at these tests.",
    Status.NOT_REPRODUCED: "A test that fails for this reason would let the repair go on: add one "
    "and write `/repair`.",
    Status.FLAKY: "A patch cannot be judged by tests that pass without it.",
    Status.NO_TESTS: "Name them as `/repair tests/test_x.py`.",
    Status.ENVIRONMENT_BROKEN: "How the project is installed and tested can be set in the "
    "service's policy (`install`, `test`, `python`).",
    Status.CANCELLED: "`/repair` begins anew.",
}
NOT_CONFIRMED = (
    "The patch passed the verdict once, and there was no time to repeat it: take it as a hint. "
    "`/repair` tries again."
)


def headline(result: RepairResult) -> str:
    """How the repair ended, in one clause."""
    if result.status is Status.PLAUSIBLE and is_in_part(result):
        return PLAUSIBLE_IN_PART
    return HEADLINES[result.status]


def findings(
    assignment: Assignment, finished_job: FinishedJob, *, with_patch: bool = True
) -> Iterator[str]:
    """What was wrong, what the patch changes and how sure it is; then what failed and was tried."""
    result, evidence = finished_job.result, finished_job.evidence
    yield next_step(result)
    if result.patch is not None:
        yield what_was_wrong(result, evidence)
        if with_patch:
            yield code_block(result.patch.diff, "diff", 20_000)
        yield from _of_the_patch(result, result.patch)
    yield from _of_the_issue(result)
    if result.baseline is not None:
        yield _failing(result.baseline, evidence)
    if result.patch is None:
        if result.suspicious:
            yield "**Where the fault likely is**\n\n" + _places(result.suspicious)
        if result.rejected is not None:
            yield _nearest(result.rejected)
    yield _tried(assignment, result, evidence)


def next_step(result: RepairResult) -> str:
    """What people can do now; empty where that goes without saying."""
    if result.status is Status.BUDGET_EXHAUSTED and result.patch is not None:
        return NOT_CONFIRMED
    return NEXT_STEPS.get(result.status, "")


def _of_the_patch(result: RepairResult, patch: PlausiblePatch) -> Iterator[str]:
    yield before_and_after(patch.verdict)
    yield how_sure(patch.confidence)
    if patch.cautions:
        yield "**Look here first**\n\n" + _list(patch.cautions)
    yield still_red(result)
    yield from checked(patch.verdict)
    yield "**Now pass**\n\n" + _list(patch.verdict.fail_to_pass)
    if patch.chosen:
        yield "**Why the model chose it**\n\n" + _list([patch.chosen])


def _of_the_issue(result: RepairResult) -> Iterator[str]:
    """What stood for the issue itself."""
    if result.unshown:
        why = code(result.unshown, 300)
        yield (
            "**The issue itself** is shown by no test: failing tests that seem to be about it "
            f"stood in. Why none was made: {why}"
        )
    for test in result.generated_tests:
        yield _generated(test)


def about(assignment: Assignment, job: Job, page: str = "") -> str:
    request = f", asked by {code(assignment.asked_by)}" if assignment.asked_by else ""
    name = f"[Job {code(job.id)}]({page})" if page else f"Job {code(job.id)}"
    return f"<sub>{name} on commit {code(assignment.commit[:SHOWN_COMMIT])}{request}.</sub>"


def _generated(test: GeneratedTest) -> str:
    """A test that was written for the issue: no part of the patch, so it is shown whole."""
    author = f", by {code(test.author)}" if test.author.strip() else ""
    claims = [claim for claim in test.claims if claim.strip()]
    head = (
        f"**Written for this**: no test showed the problem, so one was made{author}. It is no part "
        f"of the patch. It stood in {code(test.path, 200)}{' and asks for:' if claims else '.'}"
    )
    text = _folded("the test", test.text, "python", 4_000)
    return "\n\n".join(part for part in (head, _list(claims), text) if part)


def _failing(baseline: Baseline, evidence: Evidence | None) -> str:
    if not baseline.failing:
        return ""
    failures = evidence.baseline.failures if evidence and evidence.baseline else {}
    messages = {name: failures[name].message for name in baseline.failing[:5] if name in failures}
    has_words = any(message.strip() for message in messages.values())
    blocks = [_failure(*item) for item in messages.items()] if has_words else []
    head = (
        f"**What failed before**: {baseline.failed} of "
        f"{baseline.failed + baseline.count('passing')} tests"
    )
    names = "" if blocks else _list(baseline.failing)
    flaky = f"Flaky, left alone:\n\n{_list(baseline.flaky)}" if baseline.flaky else ""
    how = details("how they failed", "\n\n".join(blocks)) if blocks else ""
    still_red = set(baseline.still_red)
    items = [f"{t}: {why}" for t, why in baseline.set_aside.items() if t not in still_red]
    set_aside = f"Set aside, still red:\n\n{_list(items)}" if items else ""
    return "\n\n".join(part for part in (head, names, how, flaky, set_aside) if part)


def _failure(name: str, message: str) -> str:
    block = code_block(message, limit=1_000) if message.strip() else ""
    return "\n\n".join(part for part in (code(name, 300), block) if part)


def still_red(result: RepairResult) -> str:
    """What the patch leaves red: nobody should take a repair in part for a whole one."""
    baseline = result.baseline
    if baseline is None or not baseline.still_red:
        return ""
    reasons = [f"{t}: {baseline.set_aside.get(t, '')}" for t in baseline.still_red]
    return f"**Still red**: {in_part(baseline)}\n\n{_list(reasons)}"


def _nearest(rejected: RejectedPatch) -> str:
    """The best patch that did not pass: no repair, but a place to go on from."""
    head = f"**Nearest**, and rejected: {code(rejected.description)}"
    patch = _folded("the rejected patch", rejected.diff, "diff", 4_000)
    return "\n\n".join(part for part in (head, _list(rejected.objections), patch) if part)


def _folded(summary: str, text: str, language: str, limit: int) -> str:
    """A block that is opened by a click; empty where nothing is in it."""
    return details(summary, code_block(text, language, limit)) if text.strip() else ""


def _places(lines: Iterable[SuspiciousLine]) -> str:
    return _list(
        f"{line.path}:{line.line}" + (f" ({', '.join(line.reasons)})" if line.reasons else "")
        for line in list(lines)[:MAX_SHOWN_PLACES]
    )


def _tried(assignment: Assignment, result: RepairResult, evidence: Evidence | None) -> str:
    facts = []
    if result.candidates_tried:
        took = duration(sum(result.seconds.values()))
        facts.append(f"{counted(result.candidates_tried, 'candidate')} tried in {took}")
    if result.alternatives:
        facts.append(f"{counted(len(result.alternatives), 'other patch', 'other patches')} passed")
    if assignment.tests:
        facts.append("only " + ", ".join(code(test) for test in assignment.tests[:5]))
    if evidence is not None and evidence.facts.get("model"):
        facts.append(f"model {code(evidence.facts['model'])}")
    return f"{'; '.join(facts)}." if facts else ""


def _list(names: Iterable[str]) -> str:
    items = list(names)
    lines = [f"- {code(name, 300)}" for name in items[:MAX_SHOWN_TESTS]]
    if len(items) > MAX_SHOWN_TESTS:
        lines.append(f"- and {len(items) - MAX_SHOWN_TESTS} more")
    return "\n".join(lines)
