"""Where a job is to work, with everything pinned before it starts."""

from __future__ import annotations

from dataclasses import dataclass, replace

from workers.forges.api.repository import Repository
from workers.forges.errors import Declined
from workers.forges.intake.assignment import Assignment
from workers.forges.intake.targets import (
    assignment_of,
    newest_job,
    pushed_patch,
    pushed_to,
    reviewed_patches,
)
from workers.forges.webhook.trigger import BRANCH_PREFIX, Cause, Trigger
from workers.store.store import Store

MAX_PATCH_CHARACTERS = 8_000
"""Characters of an earlier patch that are shown to whoever makes the next one."""

RIGHT_TO_REFUSE = (
    "Where what they ask for would be wrong, or no patch that does it can pass the tests, give up "
    "with the reason: they read it as the answer."
)


@dataclass(frozen=True, kw_only=True)
class PinnedTarget:
    """The commit, branch, tests and statement that a trigger means in its repository."""

    commit: str
    base_branch: str
    is_fork: bool = False
    branch: str | None = None
    """An existing branch of ours; None makes a new one."""
    replaces: str | None = None
    """Its tip, which the job's patch replaces."""
    tests: tuple[str, ...] = ()
    statement: str | None = None
    first_try: str | None = None
    """A patch that passed on an older commit."""
    excluded: tuple[str, ...] = ()
    """Patches that reviews asked to replace: none of them is an answer any more."""


def head_of_target(assignment: Assignment, repository: Repository) -> str | None:
    """Where the branch that a patch is to be merged into is now; None when it is gone."""
    number = assignment.number
    if assignment.is_pull and number is not None and assignment.replaces is None:
        return repository.pull(number).head  # it may be in a fork
    return repository.head_of(assignment.base_branch)


def place_of(trigger: Trigger, repository: Repository, store: Store) -> PinnedTarget:
    """Ask the forge where it is now. Raises Declined or CallFailed."""
    if trigger.cause is Cause.REVIEW:
        return _next_round(trigger, repository, store)
    if trigger.cause is Cause.MOVED:
        return _newest_commit(trigger, repository, store)
    if trigger.is_pull and trigger.number is not None:
        return _head_of_pull(trigger, trigger.number, repository)
    branch = trigger.branch or repository.default_branch()
    commit = repository.head_of(branch)
    if commit is None:
        raise Declined(f"there is no branch {branch}")
    if trigger.commit not in (None, commit):
        # A payload does not always tell a fork's run: its commit would be pushed under our name.
        raise Declined(f"{trigger.commit} is not, or no longer, the head of {branch}")
    return PinnedTarget(
        commit=commit, base_branch=branch, tests=trigger.tests, statement=trigger.statement
    )


def _head_of_pull(trigger: Trigger, number: int, repository: Repository) -> PinnedTarget:
    pull = repository.pull(number)
    if not pull.is_open:
        raise Declined(f"{trigger.target} is closed")
    return PinnedTarget(
        # What the payload showed to whoever asked; else the head of this moment.
        commit=trigger.commit or pull.head,
        base_branch=pull.head_branch,
        is_fork=pull.is_fork,
        tests=trigger.tests,
    )


def _next_round(trigger: Trigger, repository: Repository, store: Store) -> PinnedTarget:
    """The starting point for the same failure again, with what a reviewer said about the patch on
    the branch: another one is asked for, also where nobody reads the words."""
    last_round = _earlier(trigger, repository, store)
    if last_round.replaces is None:
        raise Declined("the branch is gone")
    name = trigger.repository.lower()
    reviewed_patch = pushed_patch(store, name, last_round.replaces) or last_round.first_try or ""
    patches = dict.fromkeys((reviewed_patch, *last_round.excluded))
    statement = "A reviewer asks for a change of this patch:\n\n"
    statement += reviewed_patch[:MAX_PATCH_CHARACTERS]
    statement += f"\n\nThey say:\n\n{trigger.statement or ''}\n\n{RIGHT_TO_REFUSE}"
    return replace(
        last_round,
        statement=statement,
        first_try=None,
        excluded=tuple(patch for patch in patches if patch),
    )


def _newest_commit(trigger: Trigger, repository: Repository, store: Store) -> PinnedTarget:
    """The starting point for the same failure on what the branch holds by now; the patch is judged
    there first."""
    last_round = _earlier(trigger, repository, store)
    return replace(
        last_round,
        commit=trigger.commit or last_round.commit,
        statement=trigger.statement,
        excluded=tuple(patch for patch in last_round.excluded if patch != last_round.first_try),
    )


def _earlier(trigger: Trigger, repository: Repository, store: Store) -> PinnedTarget:
    """What the rounds before left on a branch of ours, and the patch of the last one."""
    branch = trigger.branch or ""
    name = trigger.repository.lower()
    assignment = assignment_of(store, branch.removeprefix(BRANCH_PREFIX))
    if assignment is None or assignment.repository != name or assignment.branch != branch:
        raise Declined("this service knows nothing of the branch any more")
    tip = repository.head_of(branch)
    if tip is not None and tip not in pushed_to(store, name, branch):
        raise Declined("the branch has commits of others, which would be lost")
    last_result = store.result(newest_job(store, name, trigger.target) or assignment.job_id)
    return PinnedTarget(
        commit=assignment.commit,
        base_branch=assignment.base_branch,
        is_fork=assignment.is_fork,
        branch=branch,
        replaces=tip,
        tests=assignment.tests,
        first_try=last_result.patch if last_result is not None else None,
        excluded=tuple(reviewed_patches(store, name, branch)),
    )
