"""The status comment of a job, which is edited as the job goes on."""

from __future__ import annotations

from workers.github.api.markdown import code, fit, marker
from workers.github.intake.assignment import Assignment
from workers.github.publish.evidence import about, findings, headline
from workers.github.publish.finished_job import FinishedJob
from workers.github.publish.links import Links
from workers.github.webhook.trigger import Cause
from workers.records import Job, JobState


def progress_comment(assignment: Assignment, job: Job, position: int | None) -> str:
    line = f", number {position} in line" if position else ""
    sentence = {
        JobState.QUEUED: f"Waiting for a worker{line}.",
        JobState.RUNNING: "Working on it.",
        JobState.WAITING: "Put off for a while: what it needs cannot be reached now.",
        JobState.CANCELLED: f"Cancelled: {code(job.reason, 300)}.",
        JobState.DEAD: f"Given up: {code(job.reason, 300)}. This is the service's fault, not the "
        "code's; its operator finds the job among the dead letters.",
        JobState.ENDED: "Done.",
    }[job.state]
    return fit([marker("status", job.id), f"**Repair** {sentence}", about(assignment, job)])


def result_comment(assignment: Assignment, finished_job: FinishedJob, links: Links) -> str:
    result = finished_job.result
    return fit(
        [
            marker("status", finished_job.job.id),
            f"**{headline(result)}.** {code(result.reason, 300)}",
            f"Draft pull request: #{links.pull}" if links.pull else "",
            "The patch is in the suggestions below." if links.suggested else "",
            links.problem,
            links.moved,
            *findings(assignment, finished_job, with_patch=links.pull is None),
            about(assignment, finished_job.job),
        ]
    )


def moved(assignment: Assignment, head: str | None, *, tries_again: bool) -> str:
    """The target's branch is at `head` now (None: gone), and not at the job's commit.

    `tries_again`: another job judges the patch there.
    """
    situation = f"is at {code(head)} now" if head else "is gone now"
    what_next = ""
    if tries_again and head:
        what_next = " Another job tries the patch there and brings this up to date if it holds."
    elif assignment.number is not None and assignment.cause is not Cause.REVIEW:
        what_next = f" `/repair` in #{assignment.number} looks at the newest commit."
    return (
        f"**The branch has moved.** {code(assignment.base_branch)} {situation}. All this is about "
        f"{code(assignment.commit)}; what came since was not tested with it.{what_next}"
    )
