"""From a recorded delivery to a job: who asks, for which commit, and is one live already?"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Connection

from agent.job import Budget, RepairJob
from agent.runs import new_run_id
from workers.errors import JobNotFound, WorkersError
from workers.github.assignment import Assignment, branch_for
from workers.github.commands import HELP, Action
from workers.github.connection import GitHub
from workers.github.errors import GitHubError, RateLimited, SourceUnavailable
from workers.github.evidence import marker
from workers.github.inbox import Outcome, settle_in
from workers.github.markdown import code
from workers.github.repository import Repository
from workers.github.targets import (
    assign,
    assignment_of,
    lock_target,
    newest_job,
    pushed_to,
)
from workers.github.tokens import READ
from workers.github.trigger import BRANCH_PREFIX, Cause, Trigger
from workers.job import LIVE, Job, JobRequest, Queue
from workers.store import listing


class Declined(Exception):
    """Nothing is started; holds the reason."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a job works, with everything pinned."""

    commit: str
    base_branch: str
    is_fork: bool = False
    branch: str | None = None
    """An existing branch of ours; None makes a new one."""
    replaces: str | None = None
    tests: tuple[str, ...] = ()
    statement: str | None = None


class Intake:
    """Works off the inbox."""

    def __init__(self, github: GitHub) -> None:
        self._github = github
        self._store = github.store
        self._inbox = github.inbox

    def handle(self, delivery_id: str) -> None:
        """Do what one delivery asks for, or put it off. Doing it again changes nothing."""
        trigger = self._inbox.take(delivery_id)
        if trigger is None:
            return
        try:
            self._decide(delivery_id, trigger)
        except RateLimited as error:
            self._inbox.put_off(delivery_id, str(error), error.retry_after_seconds)
        except (GitHubError, WorkersError) as error:
            if error.retryable:
                self._inbox.put_off(delivery_id, str(error))
            else:
                self._inbox.settle(delivery_id, Outcome.FAILED, str(error))

    def _decide(self, delivery_id: str, trigger: Trigger) -> None:
        if self._github.myself.acted(trigger.actor_id):
            self._inbox.settle(delivery_id, Outcome.IGNORED, "this service did that itself")
            return
        repository = self._github.repository(trigger.repository)
        if trigger.actor is not None and not repository.may_write(trigger.actor):
            self._react(repository, trigger, "-1")
            reason = f"{trigger.actor} has no write permission"
            self._inbox.settle(delivery_id, Outcome.REFUSED, reason)
        elif trigger.action is Action.REPAIR:
            try:
                self._start(delivery_id, trigger, repository)
            except (Declined, SourceUnavailable) as error:
                self._reply(delivery_id, trigger, repository, f"Nothing is started: {error}.")
                self._inbox.settle(delivery_id, Outcome.REFUSED, str(error))
        else:
            self._answer(delivery_id, trigger, repository)

    # -- starting -----------------------------------------------------------------------

    def _start(self, delivery_id: str, trigger: Trigger, repository: Repository) -> None:
        place = self._place(trigger, repository)
        run_id = new_run_id()
        source = self._github.source(trigger.repository, run_id)
        repository.with_token(READ, lambda token: source.fetch(place.commit, token))
        kept = False
        try:
            request = self._request(delivery_id, trigger, place, run_id)
            with self._store.transaction() as connection:
                kept = self._submit(connection, delivery_id, trigger, place, request)
        finally:
            if not kept:
                source.remove()

    def _submit(
        self,
        connection: Connection,
        delivery_id: str,
        trigger: Trigger,
        place: Place,
        request: JobRequest,
    ) -> bool:
        """The job, its assignment and the end of the delivery, all or nothing."""
        name = trigger.repository.lower()
        newest = lock_target(connection, name, trigger.target)
        joined = self._joined(connection, newest, trigger, place)
        if joined is not None:
            settle_in(connection, delivery_id, Outcome.JOINED, joined, newest)
            return False
        submitted = self._store.submit_in(connection, request)
        if not submitted.created:
            settle_in(connection, delivery_id, Outcome.JOINED, "asked before", submitted.job.id)
            return False
        assign(connection, self._assignment(trigger, place, submitted.job.id))
        settle_in(connection, delivery_id, Outcome.STARTED, "", submitted.job.id)
        return True

    def _joined(
        self, connection: Connection, newest: str | None, trigger: Trigger, place: Place
    ) -> str | None:
        """Why no job is needed beside the target's newest one."""
        if newest is None:
            return None
        try:
            job = listing.job(connection, newest)
        except JobNotFound:
            return None
        if job.state in LIVE:
            return f"job {newest} is at work on it"
        by_itself = trigger.cause in (Cause.CHECK, Cause.PULL_REQUEST, Cause.SCHEDULE)
        if by_itself and job.request.repair.at == place.commit:
            return f"job {newest} tried this commit"
        return None

    def _place(self, trigger: Trigger, repository: Repository) -> Place:
        if trigger.cause is Cause.REVIEW:
            return self._next_round(trigger, repository)
        if trigger.is_pull and trigger.number is not None:
            pull = repository.pull(trigger.number)
            if not pull.is_open:
                raise Declined("the pull request is closed")
            return Place(
                # What the payload showed to whoever asked; else the head of this moment.
                commit=trigger.commit or pull.head,
                base_branch=pull.head_branch,
                is_fork=pull.is_fork,
                tests=trigger.tests,
            )
        branch = trigger.branch or repository.default_branch()
        commit = trigger.commit or repository.head_of(branch)
        if commit is None:
            raise Declined(f"there is no branch {branch}")
        return Place(
            commit=commit, base_branch=branch, tests=trigger.tests, statement=trigger.statement
        )

    def _next_round(self, trigger: Trigger, repository: Repository) -> Place:
        """The same failure again, with what a reviewer said about the patch."""
        branch = trigger.branch or ""
        name = trigger.repository.lower()
        first = assignment_of(self._store, branch.removeprefix(BRANCH_PREFIX))
        if first is None or first.repository != name or first.branch != branch:
            raise Declined("this service knows nothing of the branch any more")
        head = repository.head_of(branch)
        if head is None or head not in pushed_to(self._store, name, branch):
            raise Declined("the branch has commits of others, which would be lost")
        stored = self._store.result(newest_job(self._store, name, trigger.target) or first.job_id)
        patch = stored.patch if stored is not None and stored.patch else ""
        said = f"A reviewer asks for a change of this patch:\n\n{patch[:8000]}\n\nThey say:\n\n"
        return Place(
            commit=first.commit,
            base_branch=first.base_branch,
            branch=branch,
            replaces=head,
            tests=first.tests,
            statement=said + (trigger.statement or ""),
        )

    def _request(self, delivery_id: str, trigger: Trigger, place: Place, run_id: str) -> JobRequest:
        policy = self._github.policies.of(trigger.repository)
        name = trigger.repository.lower()
        repair = RepairJob(
            run_id=run_id,
            target=str(self._github.source(trigger.repository, run_id).folder),
            at=place.commit,
            install=policy.install,
            test=policy.test,
            python=policy.python,
            only=place.tests,
            problem_statement=place.statement,
            budget=replace(Budget(), max_seconds=policy.max_seconds, max_tokens=policy.max_tokens),
            model=policy.model,
            model_url=policy.model_url,
        )
        return JobRequest(
            repair=repair,
            repository=name,
            queue=Queue.INTERACTIVE if trigger.actor else Queue.BACKGROUND,
            origin="github",
            owner=f"github:{trigger.actor or name}",
            idempotency_key=f"github:{name}:{trigger.target}:{place.commit}:{delivery_id}",
        )

    def _assignment(self, trigger: Trigger, place: Place, job_id: str) -> Assignment:
        return Assignment(
            job_id=job_id,
            repository=trigger.repository.lower(),
            target=trigger.target,
            cause=trigger.cause,
            number=trigger.number,
            is_pull=trigger.is_pull,
            is_fork=place.is_fork,
            commit=place.commit,
            base_branch=place.base_branch,
            branch=place.branch or branch_for(job_id),
            asked_by=trigger.actor,
            tests=place.tests,
            replaces=place.replaces,
        )

    # -- other commands -----------------------------------------------------------------

    def _answer(self, delivery_id: str, trigger: Trigger, repository: Repository) -> None:
        if trigger.action is Action.CANCEL:
            job = self._live_job(trigger)
            if job is not None:
                self._store.cancel(job.id, f"github:{trigger.actor}")
            self._react(repository, trigger, "+1" if job else "confused")
            reason = f"cancel {job.id}" if job else "nothing to cancel"
        elif trigger.action is Action.STATUS:
            self._reply(delivery_id, trigger, repository, self._status(trigger))
            reason = "status"
        else:
            self._reply(delivery_id, trigger, repository, HELP)
            reason = "help"
        self._inbox.settle(delivery_id, Outcome.ANSWERED, reason)

    def _live_job(self, trigger: Trigger) -> Job | None:
        job = self._newest(trigger)
        return job if job is not None and job.state in LIVE else None

    def _newest(self, trigger: Trigger) -> Job | None:
        newest = newest_job(self._store, trigger.repository.lower(), trigger.target)
        try:
            return None if newest is None else self._store.job(newest)
        except JobNotFound:
            return None

    def _status(self, trigger: Trigger) -> str:
        job = self._newest(trigger)
        if job is None:
            return "There has been no job here. `/repair help` says how to start one."
        position = self._store.position(job.id)
        place = f", number {position} in line" if position else ""
        return f"Job {code(job.id)} is {job.state.value}{place}. {code(job.reason)}"

    def _reply(self, delivery_id: str, trigger: Trigger, repository: Repository, text: str) -> None:
        """Answer once; nobody reads answers to checks and the clock."""
        if trigger.number is None or trigger.actor is None:
            return
        mark = marker("reply", delivery_id)
        if repository.comment_with(trigger.number, mark) is None:
            repository.comment(trigger.number, f"{mark}\n{text}")

    def _react(self, repository: Repository, trigger: Trigger, content: str) -> None:
        if trigger.comment_id is not None:
            in_review = trigger.cause is Cause.REVIEW
            repository.react(trigger.comment_id, content, in_review=in_review)
