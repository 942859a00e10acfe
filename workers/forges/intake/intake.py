"""From a recorded delivery to a job: who asks, for which commit, and is one live already?"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from agent.records import Budget, RepairJob
from agent.runs.folder import new_run_id
from workers.errors import JobNotFound, TooManyJobs, WorkersError
from workers.forges.api.markdown import code
from workers.forges.api.repository import Repository
from workers.forges.errors import Declined, ForgeError, RateLimited, SourceUnavailable
from workers.forges.forge import Forge
from workers.forges.intake.answers import answer, react, reply
from workers.forges.intake.assignment import Assignment, branch_for
from workers.forges.intake.inbox import Outcome, settle_in
from workers.forges.intake.pinned_target import PinnedTarget, place_of
from workers.forges.intake.targets import assign, lock_target
from workers.forges.webhook.comment_command import Action
from workers.forges.webhook.trigger import Cause, Trigger
from workers.records import LIVE_STATES, JobRequest, Queue
from workers.store import listing


class Intake:
    """Turns recorded deliveries into jobs, cancellations and answers."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge
        self._store = forge.store
        self._inbox = forge.inbox

    def handle(self, delivery_id: str) -> None:
        """Do what one delivery asks for, or put it off. Doing it again changes nothing."""
        trigger = self._inbox.take(delivery_id)
        if trigger is None:
            return
        try:
            self._decide(delivery_id, trigger)
        except RateLimited as error:
            self._inbox.put_off(delivery_id, str(error), error.retry_after_seconds)
        except (ForgeError, WorkersError) as error:
            if error.retryable:
                self._inbox.put_off(delivery_id, str(error))
            else:
                self._inbox.settle(delivery_id, Outcome.FAILED, str(error))

    def _decide(self, delivery_id: str, trigger: Trigger) -> None:
        if self._forge.is_own(trigger.actor_id):
            self._inbox.settle(delivery_id, Outcome.IGNORED, "this service did that itself")
            return
        repository = self._forge.repository(trigger.repository)
        if trigger.actor is not None and not repository.may_write(trigger.actor, trigger.actor_id):
            react(repository, trigger, "-1")
            reason = f"{trigger.actor} has no write permission"
            self._inbox.settle(delivery_id, Outcome.REFUSED, reason)
        elif trigger.action is Action.REPAIR:
            self._repair(delivery_id, trigger, repository)
        else:
            reply_text = answer(delivery_id, trigger, repository, self._forge)
            self._inbox.settle(delivery_id, Outcome.ANSWERED, reply_text)

    def _repair(self, delivery_id: str, trigger: Trigger, repository: Repository) -> None:
        """Start a job; whoever asked, and may, is told why there is none."""
        try:
            self._start(delivery_id, trigger, repository)
        except (Declined, SourceUnavailable) as error:
            _say_nothing_starts(delivery_id, trigger, repository, error)
            self._inbox.settle(delivery_id, Outcome.REFUSED, str(error))
        except (ForgeError, WorkersError) as error:
            if error.retryable and not self._inbox.is_last_attempt(delivery_id):
                raise
            _say_nothing_starts(delivery_id, trigger, repository, error)
            self._inbox.settle(delivery_id, Outcome.FAILED, str(error))

    def _start(self, delivery_id: str, trigger: Trigger, repository: Repository) -> None:
        starting_point = place_of(trigger, repository, self._store)
        if self._is_joined(delivery_id, trigger, starting_point):
            return
        run_id = new_run_id()
        source = self._forge.source(trigger.repository, run_id)
        repository.fetch(source, starting_point.commit)
        is_submitted = False
        try:
            request = self._request(delivery_id, trigger, starting_point, run_id)
            with self._store.transaction() as connection:
                is_submitted = self._submit(
                    connection, delivery_id, trigger, starting_point, request
                )
        finally:
            if not is_submitted:
                source.remove()

    def _is_joined(self, delivery_id: str, trigger: Trigger, starting_point: PinnedTarget) -> bool:
        """Settle the delivery where no job is needed, before anything is fetched for one.

        Raises TooManyJobs where none would be taken.
        """
        name = trigger.repository.lower()
        with self._store.transaction() as connection:
            newest = lock_target(connection, name, trigger.target)
            reason = self._joined(connection, newest, trigger, starting_point)
            if reason is None:
                self._store.check_room_in(connection, self._owner(trigger), name)
                return False
            settle_in(connection, delivery_id, Outcome.JOINED, reason, newest)
            return True

    def _submit(
        self,
        connection: Connection,
        delivery_id: str,
        trigger: Trigger,
        starting_point: PinnedTarget,
        request: JobRequest,
    ) -> bool:
        """The job, its assignment and the end of the delivery, all or nothing."""
        name = trigger.repository.lower()
        newest = lock_target(connection, name, trigger.target)
        reason = self._joined(connection, newest, trigger, starting_point)
        if reason is not None:
            settle_in(connection, delivery_id, Outcome.JOINED, reason, newest)
            return False
        submission = self._store.submit_in(connection, request)
        if not submission.created:
            settle_in(connection, delivery_id, Outcome.JOINED, "asked before", submission.job.id)
            return False
        assign(connection, self._assignment(trigger, starting_point, submission.job.id))
        settle_in(connection, delivery_id, Outcome.STARTED, "", submission.job.id)
        return True

    def _joined(
        self,
        connection: Connection,
        newest: str | None,
        trigger: Trigger,
        starting_point: PinnedTarget,
    ) -> str | None:
        """Why no job is needed beside the target's newest one."""
        if newest is None:
            return None
        try:
            job = listing.job(connection, newest)
        except JobNotFound:
            return None
        if job.state in LIVE_STATES:
            return f"job {newest} is at work on it"
        by_itself = trigger.cause in (Cause.CHECK, Cause.PULL_REQUEST, Cause.MOVED, Cause.SCHEDULE)
        if by_itself and job.request.repair.at == starting_point.commit:
            return f"job {newest} tried this commit"
        return None

    def _request(
        self, delivery_id: str, trigger: Trigger, starting_point: PinnedTarget, run_id: str
    ) -> JobRequest:
        policy = self._forge.policies.of(trigger.repository)
        name = trigger.repository.lower()
        repair = RepairJob(
            run_id=run_id,
            target=str(self._forge.source(trigger.repository, run_id).folder),
            at=starting_point.commit,
            install=policy.install,
            test=policy.test,
            env=policy.env,
            python=policy.python,
            only=starting_point.tests,
            problem_statement=starting_point.statement,
            first_try=starting_point.first_try,
            excluded=starting_point.excluded,
            budget=replace(Budget(), max_seconds=policy.max_seconds, max_tokens=policy.max_tokens),
            model=policy.model,
            model_url=policy.model_url,
        )
        key = f"{self._forge.name}:{name}:{trigger.target}:{starting_point.commit}:{delivery_id}"
        return JobRequest(
            repair=repair,
            repository=name,
            queue=Queue.INTERACTIVE if trigger.actor else Queue.BACKGROUND,
            origin=self._forge.name,
            owner=self._owner(trigger),
            idempotency_key=key,
        )

    def _owner(self, trigger: Trigger) -> str:
        """Whose limits a job for it counts against."""
        return f"{self._forge.name}:{trigger.actor or trigger.repository.lower()}"

    def _assignment(
        self, trigger: Trigger, starting_point: PinnedTarget, job_id: str
    ) -> Assignment:
        return Assignment(
            job_id=job_id,
            repository=trigger.repository.lower(),
            target=trigger.target,
            cause=trigger.cause,
            number=trigger.number,
            is_pull=trigger.is_pull,
            sign=trigger.sign,
            is_fork=starting_point.is_fork,
            commit=starting_point.commit,
            base_branch=starting_point.base_branch,
            branch=starting_point.branch or branch_for(job_id),
            asked_by=trigger.actor,
            asked_by_id=trigger.actor_id,
            tests=starting_point.tests,
            replaces=starting_point.replaces,
        )


def _say_nothing_starts(
    delivery_id: str, trigger: Trigger, repository: Repository, error: Exception
) -> None:
    text = f"Nothing is started: {code(_public_reason(error), 300)}"
    reply(delivery_id, trigger, repository, text)


def _public_reason(error: Exception) -> str:
    """Errors of the service's own machines name what is nobody else's business."""
    if isinstance(error, (ForgeError, TooManyJobs)):
        return str(error)
    return "the service failed; its operator can say more"
