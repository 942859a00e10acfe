"""What people read on GitHub about a job: comment, description, check run, commit message."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from agent.job import Baseline, GeneratedTest, RepairResult, Status, SuspiciousLine, Verdict
from agent.records import plain as as_plain
from agent.result import Evidence
from workers.github.assignment import Assignment
from workers.github.markdown import code, code_block, details, fit, plain
from workers.job import Job, JobState

SHOWN_TESTS = 20
SHOWN_PLACES = 10
MAX_VERDICT = 30_000
"""Characters of JSON in a description."""

HEADLINES: Mapping[Status, str] = {
    Status.REPAIRED: "A patch passes all tests",
    Status.NOT_REPAIRED: "No patch was found",
    Status.BUDGET_EXHAUSTED: "No patch was found within the limits",
    Status.NOTHING_TO_FIX: "All tests pass: there is nothing to repair",
    Status.NOT_REPRODUCED: "The failure could not be shown by a test",
    Status.FLAKY: "The failing tests also pass, unchanged: they are flaky",
    Status.NO_TESTS: "There are no such tests",
    Status.ENVIRONMENT_BROKEN: "The tests cannot run here",
    Status.CANCELLED: "Cancelled",
}
NEXT: Mapping[Status, str] = {
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


@dataclass(frozen=True)
class Links:
    """Where things were put."""

    pull: str | None = None
    suggestions: str | None = None
    moved: str | None = None
    """Said when the target is not any more what the job worked on."""


def marker(kind: str, name: str) -> str:
    """Invisible on the page; by it a comment of ours is found again."""
    return f"<!-- repair:{kind} {name} -->"


def progress_comment(assignment: Assignment, job: Job, position: int | None) -> str:
    line = f", number {position} in line" if position else ""
    words = {
        JobState.QUEUED: f"Waiting for a worker{line}.",
        JobState.RUNNING: "Working on it.",
        JobState.WAITING: "Put off for a while: what it needs cannot be reached now.",
        JobState.CANCELLED: f"Cancelled: {plain(job.reason)}.",
        JobState.DEAD: f"Given up: {plain(job.reason)}. This is the service's fault, not the "
        "code's; its operator finds the job among the dead letters.",
        JobState.ENDED: "Done.",
    }[job.state]
    return fit([marker("status", job.id), f"**Repair** {words}", _about(assignment, job)])


def result_comment(
    assignment: Assignment, job: Job, result: RepairResult, evidence: Evidence | None, links: Links
) -> str:
    return fit(
        [
            marker("status", job.id),
            f"**{HEADLINES[result.status]}.** {code(result.reason, 300)}",
            _where(links),
            *_findings(assignment, result, evidence, with_patch=links.pull is None),
            _about(assignment, job),
        ]
    )


def description(
    assignment: Assignment,
    job: Job,
    result: RepairResult,
    evidence: Evidence | None,
    document: str,
    links: Links,
) -> str:
    """The body of the pull request."""
    closes = f"Fixes #{assignment.number}" if assignment.number and not assignment.is_pull else ""
    stacked = f"For #{assignment.number}" if assignment.number and assignment.is_pull else ""
    return fit(
        [
            marker("pull", job.id),
            "This patch makes the failing tests pass and breaks none that passed before. That "
            "makes it plausible, not correct: read it before you merge it.",
            closes or stacked,
            links.moved or "",
            *_findings(assignment, result, evidence, with_patch=False),
            _verdict(document, result),
            _about(assignment, job),
        ]
    )


def check_run(
    assignment: Assignment, job: Job, result: RepairResult | None, evidence: Evidence | None
) -> dict[str, Any]:
    """Body of a check run. It never says `failure`: it is advice, not a gate."""
    check: dict[str, Any] = {"name": "Repair", "external_id": job.id}
    if job.state not in (JobState.ENDED, JobState.CANCELLED, JobState.DEAD):
        running = job.state is JobState.RUNNING
        return {**check, "status": "in_progress" if running else "queued"}
    if result is None:
        conclusion = "cancelled" if job.state is JobState.CANCELLED else "neutral"
        words = code(job.reason or job.state.value, 500)
        output: dict[str, Any] = {"title": "No result", "summary": words}
        return {**check, "status": "completed", "conclusion": conclusion, "output": output}
    fine = result.status is Status.NOTHING_TO_FIX
    output = {
        "title": HEADLINES[result.status],
        "summary": fit([code(result.reason, 500), *_findings(assignment, result, evidence)]),
        "annotations": _annotations(result),
    }
    conclusion = "success" if fine else "neutral"
    return {**check, "status": "completed", "conclusion": conclusion, "output": output}


def title(result: RepairResult) -> str:
    """Of the pull request, and first line of the commit: no code there, so taken apart."""
    what = result.patch.candidate.description if result.patch else "the failing tests"
    return plain(f"Repair: {what}", 120)


def commit_message(assignment: Assignment, result: RepairResult) -> str:
    tests = [] if result.patch is None else list(result.patch.verdict.fail_to_pass)
    lines = [f"- {plain(name)}" for name in tests[:SHOWN_TESTS]]
    return "\n".join([title(result), "", "Now pass:", *lines, "", f"Job: {assignment.job_id}"])


def _where(links: Links) -> str:
    said = []
    if links.pull:
        said.append(f"Draft pull request: {links.pull}")
    if links.suggestions:
        said.append(f"{links.suggestions}")
    if links.moved:
        said.append(links.moved)
    return "\n\n".join(said)


def _findings(
    assignment: Assignment,
    result: RepairResult,
    evidence: Evidence | None,
    *,
    with_patch: bool = True,
) -> Iterable[str]:
    """What failed, what passes now, what was tried, what speaks against it."""
    if result.status in NEXT:
        yield NEXT[result.status]
    if result.patch is not None:
        if with_patch:
            yield code_block(result.patch.diff, "diff", 20_000)
        yield _passing_now(result.patch.verdict)
        if result.patch.cautions:
            yield "**Look here first**\n\n" + _list(result.patch.cautions)
    for test in result.generated_tests:
        yield _generated(test)
    if result.baseline is not None:
        yield _failing(result.baseline, evidence)
    if result.patch is None and result.suspicious:
        yield "**Where the fault likely is**\n\n" + _places(result.suspicious)
    yield _tried(assignment, result, evidence)


def _passing_now(verdict: Verdict) -> str:
    names = list(verdict.fail_to_pass)
    return (
        f"**Now pass** ({len(names)}; {len(verdict.pass_to_pass)} that passed before still do)\n\n"
        + _list(names)
    )


def _generated(test: GeneratedTest) -> str:
    """A test that was written for the issue: no part of the patch, so it is shown whole."""
    head = (
        "**Written for this**: no test showed the problem, so one was made, by "
        f"{plain(test.author)}. It is no part of the patch. It stood in {code(test.path, 200)} and "
        "asks for:"
    )
    text = details("the test", code_block(test.text, "python", 4_000))
    return "\n\n".join((head, _list(test.claims), text))


def _failing(baseline: Baseline, evidence: Evidence | None) -> str:
    if not baseline.failing:
        return ""
    failures = evidence.baseline.failures if evidence and evidence.baseline else {}
    blocks = [
        code(name, 300) + "\n\n" + code_block(f"{failures[name].message}", limit=1_000)
        for name in baseline.failing[:5]
        if name in failures
    ]
    head = (
        f"**What failed before**: {len(baseline.failing)} of "
        f"{len(baseline.failing) + len(baseline.passing)} tests"
    )
    names = "" if blocks else _list(baseline.failing)
    flaky = f"Flaky, left alone:\n\n{_list(baseline.flaky)}" if baseline.flaky else ""
    shown = details("how", "\n\n".join(blocks)) if blocks else ""
    return "\n\n".join(part for part in (head, names, shown, flaky) if part)


def _places(lines: Iterable[SuspiciousLine]) -> str:
    return _list(
        f"{line.path}:{line.line}" + (f" ({', '.join(line.reasons)})" if line.reasons else "")
        for line in list(lines)[:SHOWN_PLACES]
    )


def _tried(assignment: Assignment, result: RepairResult, evidence: Evidence | None) -> str:
    seconds = sum(result.seconds.values())
    words = [f"{result.candidates_tried:,} candidates tried in {seconds:.0f} s"]
    if result.alternatives:
        words.append(f"{len(result.alternatives)} other patches passed, too")
    if assignment.tests:
        words.append("only " + ", ".join(code(test) for test in assignment.tests[:5]))
    if evidence is not None and evidence.facts.get("model"):
        words.append(f"model {code(evidence.facts['model'])}")
    return "; ".join(words) + "."


def _verdict(document: str, result: RepairResult) -> str:
    """The result file where it is small enough, else the verdict alone."""
    if len(document) > MAX_VERDICT and result.patch is not None:
        document = json.dumps(as_plain(result.patch.verdict), indent=1)
    if len(document) > MAX_VERDICT:
        return ""
    how = "Save it as `result.json` and run `repair verify result.json` to take the verdict again."
    return details("The verdict", f"{how}\n\n{code_block(document, 'json', MAX_VERDICT)}")


def _about(assignment: Assignment, job: Job) -> str:
    asked = f", asked by {code(assignment.asked_by)}" if assignment.asked_by else ""
    return f"<sub>Job {code(job.id)} on commit {code(assignment.commit)}{asked}.</sub>"


def _annotations(result: RepairResult) -> list[dict[str, Any]]:
    """On the lines the patch changes, else on the most suspicious ones. GitHub takes 50."""
    if result.patch is not None:
        message = plain(f"Repair changes this: {result.patch.candidate.description}", 500)
        paths = {edit.path for edit in result.patch.candidate.edits}
        lines = [line for line in result.suspicious if line.path in paths][:1]
        return [_annotation(line, message) for line in lines]
    return [
        _annotation(line, f"The fault may be here (suspiciousness {line.score:.2f}).")
        for line in result.suspicious[:SHOWN_PLACES]
    ]


def _annotation(line: SuspiciousLine, message: str) -> dict[str, Any]:
    place = {"path": line.path, "start_line": line.line, "end_line": line.line}
    return {**place, "annotation_level": "notice", "message": message}


def _list(names: Iterable[str]) -> str:
    found = list(names)
    lines = [f"- {code(name, 300)}" for name in found[:SHOWN_TESTS]]
    if len(found) > SHOWN_TESTS:
        lines.append(f"- and {len(found) - SHOWN_TESTS} more")
    return "\n".join(lines)
