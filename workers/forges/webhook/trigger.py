"""What a delivery comes down to: a request for work, or a reason to leave it alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from workers.forges.api.repository import Thread
from workers.forges.webhook.comment_command import Action

BRANCH_PREFIX = "repair/"
"""Branches this service makes. Failures on them start nothing, or it would feed itself."""


class Cause(StrEnum):
    """What can start a repair. Each is switched per repository in the service's own settings."""

    LABEL = "label"  # an issue got the label
    COMMAND = "command"  # `/repair` in a comment
    CHECK = "check"  # a check suite or workflow run failed on a branch
    PULL_REQUEST = "pull_request"  # a pull request was opened or changed
    REVIEW = "review"  # somebody asked for a change of a patch of ours
    MOVED = "moved"  # the branch moved on while a patch was made for an older commit
    SCHEDULE = "schedule"  # the time has come


@dataclass(frozen=True, kw_only=True)
class Trigger:
    """A request for work, as far as the payload tells. Plain data, kept with the delivery."""

    cause: Cause
    action: Action = Action.REPAIR
    repository: str
    """`owner/name` on GitHub; elsewhere its server stands before it, as in
    `git.example.com/owner/name`, and there may be more folders."""
    number: int | None = None
    """Of the issue or pull request; None for work on a branch."""
    is_pull: bool = False
    sign: str = "#"
    """What people write before the number."""
    branch: str | None = None
    """Where the work happens, when the payload says so; for another round the branch of ours."""
    commit: str | None = None
    """Full id, when the payload pins it."""
    actor: str | None = None
    """Login of who asks; None when nobody in particular does (a check, the clock)."""
    actor_id: int | None = None
    tests: tuple[str, ...] = ()
    statement: str | None = None
    """Title and body of the issue, or the text of a review. Untrusted."""
    hint: str = ""
    """What a mistyped command probably meant, for the answer. Our own words."""
    comment_id: int | None = None
    """The comment to answer with a reaction."""

    @property
    def target(self) -> str:
        """The issue, pull request or branch for which at most one job may be live."""
        if self.number is not None:
            return f"{self.sign}{self.number}"
        return f"branch {self.branch or ''}"

    @property
    def thread(self) -> Thread | None:
        """Where whoever asks is answered."""
        return None if self.number is None else Thread(self.number, self.is_pull)


@dataclass(frozen=True)
class IgnoredDelivery:
    """A delivery that asks for nothing, and why; shown by `repair forge status`."""

    reason: str


@dataclass(frozen=True)
class PullEnded(IgnoredDelivery):
    """A pull request of this service was closed, or opened again."""

    branch: str
    """Of this service, in the repository itself."""
    merged: bool | None
    """None where it is open again."""

    @property
    def job_id(self) -> str:
        """The job that made the branch."""
        return self.branch.removeprefix(BRANCH_PREFIX)


def pull_ended(branch: str, *, merged: bool | None) -> PullEnded:
    """What became of the pull request of a branch of this service."""
    words = {True: "merged", False: "closed without merging", None: "opened again"}
    reason = f"a pull request of this service was {words[merged]}"
    return PullEnded(reason, branch=branch, merged=merged)
