"""What stands on the pull request and its commit."""

from __future__ import annotations

from agent.patches.commit import inert
from agent.records import RepairResult, Status
from agent.selection.announcement import announcement, is_in_part
from workers.forges.api.markdown import fit, marker, plain
from workers.forges.intake.assignment import Assignment
from workers.forges.publish.evidence import MAX_SHOWN_TESTS, about, findings
from workers.forges.publish.finished_job import FinishedJob
from workers.forges.publish.links import Links
from workers.forges.publish.verdict_file import address


def title(result: RepairResult) -> str:
    """The title of the pull request and first line of the commit, as plain text without code."""
    change = result.patch.candidate.description if result.patch else "the failing tests"
    return plain(f"{announcement(result)}: {change}", 120)


def is_shown(result: RepairResult) -> bool:
    """Whether a test that was made of the issue itself failed before and passes with the patch,
    which is more than plausible: only then may merging it close the issue."""
    if result.patch is None or result.unshown or result.status is not Status.REPAIRED:
        return False
    outcomes = result.patch.verdict.fail_to_pass
    generated_ids = [test_id for test in result.generated_tests for test_id in test.test_ids]
    return bool(generated_ids) and all(test_id in outcomes for test_id in generated_ids)


def commit_message(assignment: Assignment, result: RepairResult) -> str:
    tests = [] if result.patch is None else list(result.patch.verdict.fail_to_pass)
    lines = [f"- {plain(name)}" for name in tests[:MAX_SHOWN_TESTS]]
    red = result.baseline.still_red if result.baseline else ()
    red_lines = (
        ["", "Still red:", *(f"- {plain(name)}" for name in red[:MAX_SHOWN_TESTS])] if red else []
    )
    job = f"Job: {assignment.job_id}"
    return "\n".join([title(result), "", "Now pass:", *lines, *red_lines, "", job])


def description(assignment: Assignment, finished_job: FinishedJob, links: Links) -> str:
    """The body of the pull request.

    A forge may make it a commit message, where what is code here is text: only our own reference
    closes anything.
    """
    result = finished_job.result
    verb = "Fixes" if not assignment.is_pull and is_shown(result) else "For"
    update = "Bring this branch up to date and run the tests before you merge it."
    return fit(
        [
            marker("pull", finished_job.job.id),
            _claim(result),
            f"{verb} {assignment.target}" if assignment.number else "",
            f"{inert(links.moved)} {update}" if links.moved else "",
            *map(inert, findings(assignment, finished_job, with_patch=False)),
            inert(_verdict(finished_job, links)),
            inert(about(assignment, finished_job.job, links.page)),
        ]
    )


def _claim(result: RepairResult) -> str:
    """What is claimed of the patch, and what is not."""
    effect = "some of the failing tests pass, leaves others red," if is_in_part(result) else ""
    claim = f"This patch makes {effect or 'the failing tests pass'} and breaks none that passed"
    if result.status is Status.PLAUSIBLE:
        return (
            f"{claim} before. Too little that was executed says that it is right, so that it may "
            "well be wrong: it is a proposal to decide on."
        )
    return f"{claim} before. Tests do not say everything: read it before you merge it."


def _verdict(finished_job: FinishedJob, links: Links) -> str:
    """Where the verdict is as a file."""
    place = f"[details of the check run]({links.check})" if links.check else ""
    place = place or f"service ({address(finished_job)})"
    return f"Anybody can take the verdict again: the file for `repair verify` is in the {place}."
