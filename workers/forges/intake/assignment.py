"""What a job was taken on for: where to show its progress and where its patch goes."""

from __future__ import annotations

from dataclasses import dataclass

from workers.forges.api.repository import Thread
from workers.forges.webhook.trigger import BRANCH_PREFIX, Cause


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """The repository, target and branch that a job works for on a forge.

    Nothing of it is read from the repository again.
    """

    job_id: str
    repository: str
    """As `Trigger.repository`, in lower case."""
    target: str
    """`#12`, `!12` or `branch main`; at most one job of a target is live."""
    cause: Cause
    number: int | None
    """Of the issue or pull request that hears about it."""
    is_pull: bool
    sign: str = "#"
    """What people write before the number."""
    is_fork: bool
    commit: str
    """Full id the job is pinned to."""
    base_branch: str
    """Where the patch is to be merged."""
    branch: str
    """Where the patch is pushed, made by this service."""
    asked_by: str | None
    asked_by_id: int | None = None
    """Of the account, where the forge is asked by that whether it may."""
    tests: tuple[str, ...] = ()
    replaces: str | None = None
    """Commit on `branch` that an earlier round left there, and this one's patch replaces."""

    @property
    def thread(self) -> Thread | None:
        """The issue or pull request that hears about it."""
        return None if self.number is None else Thread(self.number, self.is_pull)

    @property
    def may_push(self) -> bool:
        """A fork's commits are never brought into the repository: its workflows would run
        them with the repository's secrets."""
        return not self.is_fork


def branch_for(job_id: str) -> str:
    return f"{BRANCH_PREFIX}{job_id}"
