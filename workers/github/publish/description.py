"""What stands on the pull request and its commit."""

from __future__ import annotations

import json

from agent.patches.commit import inert
from agent.records import RepairResult, Status
from agent.selection.announcement import announcement, is_in_part
from agent.serialization import plain as as_plain
from agent.wording import counted
from workers.github.api.markdown import code, code_block, details, fit, marker, plain
from workers.github.intake.assignment import Assignment
from workers.github.publish.evidence import MAX_SHOWN_TESTS, about, findings
from workers.github.publish.explanation import what_was_wrong
from workers.github.publish.finished_job import FinishedJob
from workers.github.publish.links import Links

MAX_VERDICT_CHARACTERS = 45_000
"""Characters of JSON; the whole description has 65,536."""
MAX_TRAJECTORY_CHARACTERS = 8_000


def title(result: RepairResult) -> str:
    """The title of the pull request and first line of the commit, as plain text without code."""
    change = result.patch.candidate.description if result.patch else "the failing tests"
    return plain(f"{announcement(result)}: {change}", 120)


def is_shown(result: RepairResult) -> bool:
    """Whether a test that was made of the issue itself failed before and passes with the patch,
    which is more than plausible: only then may merging it close the issue."""
    if result.patch is None or result.unshown or result.status is not Status.REPAIRED:
        return False
    repaired = result.patch.verdict.fail_to_pass
    made = [test_id for test in result.generated_tests for test_id in test.test_ids]
    return bool(made) and all(test_id in repaired for test_id in made)


def commit_message(assignment: Assignment, result: RepairResult) -> str:
    tests = [] if result.patch is None else list(result.patch.verdict.fail_to_pass)
    lines = [f"- {plain(name)}" for name in tests[:MAX_SHOWN_TESTS]]
    red = result.baseline.still_red if result.baseline else ()
    red_lines = (
        ["", "Still red:", *(f"- {plain(name)}" for name in red[:MAX_SHOWN_TESTS])] if red else []
    )
    job = f"Job: {assignment.job_id}"
    return "\n".join([title(result), "", "Now pass:", *lines, *red_lines, "", job])


def description(assignment: Assignment, finished_job: FinishedJob, links: Links, url: str) -> str:
    """The body of the pull request. `url`: where the verdict can be taken again from.

    GitHub may make it a commit message, where what is code here is text: only our own reference
    closes anything.
    """
    in_part = is_in_part(finished_job.result)
    verb = "Fixes" if not assignment.is_pull and is_shown(finished_job.result) else "For"
    effect = (
        "some of the failing tests pass, leaves others red,"
        if in_part
        else "the failing tests pass"
    )
    update = "Bring this branch up to date and run the tests before you merge it."
    return fit(
        [
            marker("pull", finished_job.job.id),
            f"This patch makes {effect} and breaks none that passed before. That "
            "is no proof that it is correct: read it before you merge it.",
            inert(what_was_wrong(finished_job.result, finished_job.evidence)),
            f"{verb} #{assignment.number}" if assignment.number else "",
            f"{inert(links.moved)} {update}" if links.moved else "",
            *map(inert, findings(assignment, finished_job, with_patch=False)),
            _verdict(finished_job, url),
            inert(_trajectory(finished_job)),
            inert(about(assignment, finished_job.job)),
        ]
    )


def _trajectory(finished_job: FinishedJob) -> str:
    """What was said between the repair and its model; empty where none was asked."""
    lines = finished_job.evidence.trajectory if finished_job.evidence else ()
    if not lines:
        return ""
    steps = counted(len(lines), "step")
    text = code_block("\n".join(lines), limit=MAX_TRAJECTORY_CHARACTERS)
    return details(f"How the model came to it ({steps})", text)


def _verdict(finished_job: FinishedJob, url: str) -> str:
    """The result file where it is small enough, else the verdict alone."""
    instruction = "To take it again, save it and run `repair verify FILE REPO` on a clone of yours."
    document = finished_job.document(url)
    if len(document) > MAX_VERDICT_CHARACTERS and finished_job.result.patch is not None:
        address = code(f"/api/v1/jobs/{finished_job.job.id}/result")
        instruction = (
            f"To take it again, save {address} of the service and run `repair verify FILE REPO`."
        )
        document = json.dumps(as_plain(finished_job.result.patch.verdict))
    if len(document) > MAX_VERDICT_CHARACTERS:
        document = "too long to be shown here"
    document = code_block(document, "json", MAX_VERDICT_CHARACTERS)
    return details("The verdict", f"{instruction}\n\n{inert(document, _escaped)}")


def _escaped(sign: str) -> str:
    """The same in a string of JSON, which programs read: outside of strings nothing is broken."""
    return f"\\u{ord(sign[0]):04x}{sign[1:]}"
