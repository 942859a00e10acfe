"""The status comment of a job, which is edited as the job goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agent.selection.confidence import likely
from workers.forges.api.markdown import code, fit, marker
from workers.forges.intake.assignment import Assignment
from workers.forges.publish.advice import advised
from workers.forges.publish.evidence import SHOWN_COMMIT, about, findings, headline, still_red
from workers.forges.publish.explanation import what_was_wrong
from workers.forges.publish.finished_job import FinishedJob
from workers.forges.publish.links import Links
from workers.forges.webhook.trigger import Cause
from workers.records import Job, JobState

STAGES: Mapping[str, str] = {
    "prepare": "Installing the project and what its tests need.",
    "baseline": "Running the tests as they are.",
    "reproduce": "Making a test of what the issue says.",
    "localize": "Looking for the lines in which the fault is.",
    "propose": "Trying patches.",
    "validate": "Judging a patch in a fresh sandbox.",
    "select": "Repeating the verdict, and comparing the patches that passed.",
}
"""Stage of a repair → what is done in it."""


def progress_comment(
    assignment: Assignment, job: Job, position: int | None, stage: str = "", page: str = ""
) -> str:
    """The comment of a job without a result. `stage`: the one that began last."""
    sentence = progress(job, position, stage)
    parts = [marker("status", job.id), f"**Repair** {sentence}", about(assignment, job, page)]
    return fit(parts)


def progress(job: Job, position: int | None, stage: str) -> str:
    """What is happening to a job, in a sentence."""
    line = f", number {position} in line" if position else ""
    reason = code(advised(job.reason) or "no reason was given", 300)
    return {
        JobState.QUEUED: f"Waiting for a worker{line}.",
        JobState.RUNNING: STAGES.get(stage, "Working on it."),
        JobState.WAITING: f"Put off for a while: {reason}. It goes on by itself.",
        JobState.CANCELLED: f"Ended: {reason}. `/repair` begins anew.",
        JobState.DEAD: f"Given up: {reason}. The service failed and not your code; its operator "
        "can say more. `/repair` begins anew.",
        JobState.ENDED: "Ended, and its result is gone.",
    }[job.state]


def result_comment(assignment: Assignment, finished_job: FinishedJob, links: Links) -> str:
    """How the job ended: in short where a pull request says the rest, else in full."""
    result = finished_job.result
    is_short = links.pull is not None or links.same is not None or links.unchanged
    parts = (
        _in_short(finished_job)
        if is_short
        else findings(assignment, finished_job, with_patch=not links.suggested)
    )
    reason = "" if is_short else f" {code(advised(result.reason), 300)}"
    return fit(
        [
            marker("status", finished_job.job.id),
            _answer_to_review(assignment, finished_job, links),
            "" if links.unchanged else f"**{headline(result)}.**{reason}",
            _where(links),
            links.problem,
            links.moved,
            *parts,
            about(assignment, finished_job.job, links.page),
        ]
    )


def _answer_to_review(assignment: Assignment, finished_job: FinishedJob, links: Links) -> str:
    """What a round says to whoever asked for it; empty for other jobs."""
    if assignment.cause is not Cause.REVIEW:
        return ""
    if links.pull is not None:
        return (
            f"The patch of this {links.wording.pull} was replaced: read whether it does what you "
            "asked for."
        )
    evidence = finished_job.evidence
    words = evidence.facts.get("model_endings", "") if evidence else ""
    statement = f" The model says: {code(words, 600)}." if words else ""
    because = _why_not(links)
    if finished_job.result.patch is not None and not (links.unchanged or links.lesser):
        return ""  # there is one, and why it is not on the branch is said
    return f"**No, because** {because}.{statement} The {links.wording.pull} stays as it is."


def _why_not(links: Links) -> str:
    """Why a round leaves the reviewed patch where it is, as the end of a sentence."""
    if links.unchanged:
        return "the repair ran again with your words and came to the patch that you reviewed"
    if links.lesser:
        return "the other patch that was found leaves tests red that pass with the one here"
    return "no other patch passed the verdict (what was reviewed is left out)"


def _where(links: Links) -> str:
    """Where the patch is to be read."""
    wording = links.wording
    if links.same is not None:
        sign = wording.pull_sign
        return f"An open {wording.pull} holds the same patch already: {sign}{links.same}"
    if links.pull is not None:
        kind = f"Draft {wording.pull}" if links.is_draft else wording.pull_start
        return f"{kind}: {wording.pull_sign}{links.pull}"
    return "The patch is in the suggestions below." if links.suggested else ""


def _in_short(finished_job: FinishedJob) -> Iterator[str]:
    """What decides whether the pull request is worth a look."""
    result = finished_job.result
    yield what_was_wrong(result, finished_job.evidence)
    if result.patch is not None:
        sure, question = result.patch.confidence, ""
        if sure is not None and sure.signs.question:
            question = f". A question to you: {code(sure.signs.question, 300)}"
        yield f"**How sure**: {likely(sure) if sure else 'not measured'}{question}"
    yield still_red(result)


def moved(assignment: Assignment, head: str | None, *, tries_again: bool) -> str:
    """The target's branch is at `head` now (None: gone), and not at the job's commit.

    `tries_again`: another job judges the patch there.
    """
    situation = f"is at {code(head[:SHOWN_COMMIT])} now" if head else "is gone now"
    what_next = ""
    if tries_again and head:
        what_next = " Another job tries the patch there and brings this up to date if it holds."
    elif assignment.number is not None and assignment.cause is not Cause.REVIEW:
        what_next = f" `/repair` in {assignment.target} looks at the newest commit."
    commit = code(assignment.commit[:SHOWN_COMMIT])
    return (
        f"**The branch has moved.** {code(assignment.base_branch)} {situation}. All this is about "
        f"{commit}; what came since was not tested with it.{what_next}"
    )
