"""What stands on the pull request and its commit."""

from __future__ import annotations

import json

from agent.records import RepairResult
from agent.serialization import plain as as_plain
from workers.github.api.markdown import code, code_block, details, fit, marker, plain
from workers.github.intake.assignment import Assignment
from workers.github.publish.evidence import MAX_SHOWN_TESTS, about, findings
from workers.github.publish.finished_job import FinishedJob
from workers.github.publish.links import Links

MAX_VERDICT_CHARACTERS = 45_000
"""Characters of JSON; the whole description has 65,536."""


def title(result: RepairResult) -> str:
    """The title of the pull request and first line of the commit, as plain text without code."""
    change = result.patch.candidate.description if result.patch else "the failing tests"
    return plain(f"Repair: {change}", 120)


def commit_message(assignment: Assignment, result: RepairResult) -> str:
    tests = [] if result.patch is None else list(result.patch.verdict.fail_to_pass)
    lines = [f"- {plain(name)}" for name in tests[:MAX_SHOWN_TESTS]]
    return "\n".join([title(result), "", "Now pass:", *lines, "", f"Job: {assignment.job_id}"])


def description(assignment: Assignment, finished_job: FinishedJob, links: Links, url: str) -> str:
    """The body of the pull request. `url`: where the verdict can be taken again from."""
    verb = "For" if assignment.is_pull else "Fixes"
    update = "Bring this branch up to date and run the tests before you merge it."
    return fit(
        [
            marker("pull", finished_job.job.id),
            "This patch makes the failing tests pass and breaks none that passed before. That "
            "makes it plausible, not correct: read it before you merge it.",
            f"{verb} #{assignment.number}" if assignment.number else "",
            f"{links.moved} {update}" if links.moved else "",
            *findings(assignment, finished_job, with_patch=False),
            _verdict(finished_job, url),
            about(assignment, finished_job.job),
        ]
    )


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
    return details(
        "The verdict", f"{instruction}\n\n{code_block(document, 'json', MAX_VERDICT_CHARACTERS)}"
    )
