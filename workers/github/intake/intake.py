"""From a recorded delivery to a job: who asks, for which commit, and is one live already?"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from agent.records import Budget, RepairJob
from agent.runs.folder import new_run_id
from workers.errors import JobNotFound, WorkersError
from workers.github.api.repository import Repository
from workers.github.api.tokens import READ
from workers.github.connection import GitHub
from workers.github.errors import Declined, GitHubError, RateLimited, SourceUnavailable
from workers.github.intake.answers import answer, react, reply
from workers.github.intake.assignment import Assignment, branch_for
from workers.github.intake.inbox import Outcome, settle_in
from workers.github.intake.place import Place, place_of
from workers.github.intake.targets import assign, lock_target
from workers.github.webhook.commands import Action
from workers.github.webhook.trigger import Cause, Trigger
from workers.records import LIVE, JobRequest, Queue
from workers.store import listing


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
            react(repository, trigger, "-1")
            reason = f"{trigger.actor} has no write permission"
            self._inbox.settle(delivery_id, Outcome.REFUSED, reason)
        elif trigger.action is Action.REPAIR:
            try:
                self._start(delivery_id, trigger, repository)
            except (Declined, SourceUnavailable) as error:
                reply(delivery_id, trigger, repository, f"Nothing is started: {error}.")
                self._inbox.settle(delivery_id, Outcome.REFUSED, str(error))
        else:
            said = answer(delivery_id, trigger, repository, self._store)
            self._inbox.settle(delivery_id, Outcome.ANSWERED, said)

    def _start(self, delivery_id: str, trigger: Trigger, repository: Repository) -> None:
        place = place_of(trigger, repository, self._store)
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
        by_itself = trigger.cause in (Cause.CHECK, Cause.PULL_REQUEST, Cause.MOVED, Cause.SCHEDULE)
        if by_itself and job.request.repair.at == place.commit:
            return f"job {newest} tried this commit"
        return None

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
            first_try=place.first_try,
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
