"""The store: every job, its events and its result, in SQL. It is the truth; Redis only hints.

Each method is one transaction: it happens whole or not at all. All of them may raise
StoreUnavailable. What a method does stands in the module of its noun.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from agent.records import RepairResult, Status
from agent.runs.checkpoints import Checkpoints
from sandbox.host.private_files import private_folder
from workers.config import ServiceSettings
from workers.records import (
    Claim,
    Effect,
    Job,
    JobEvent,
    JobFilter,
    JobRequest,
    JobState,
    LeaseRenewal,
    NewEvent,
    OutboxEntry,
    Queue,
    StoredResult,
    Submission,
    Topic,
    Usage,
)
from workers.store import checkpoints, effects, history, listing, outbox, retention, statistics
from workers.store.database import migrate, open_engine, reading, writing
from workers.store.scheduling import (
    admission,
    claims,
    fairness,
    recovery,
    slot_leases,
    submission,
)
from workers.store.scheduling.limits import Limits

MAX_SWEPT_JOBS = 200
MAX_CLAIM_ATTEMPTS = 5
"""How often a worker looks again when others were faster."""


def open_store(settings: ServiceSettings) -> Store:
    """The store of these settings. The schema has to be there: see `Store.migrate`."""
    private_folder(settings.state_dir)
    return Store(open_engine(settings.database_url), Limits.of(settings))


class Store:
    """Safe to use from several threads; after a fork each process opens its own."""

    def __init__(self, engine: Engine, limits: Limits | None = None) -> None:
        self.engine = engine
        self.limits = limits or Limits()

    def migrate(self) -> None:
        """Bring the schema up to date."""
        migrate(self.engine)
        checkpoints.set_up(self.engine)

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction for a caller that has something of its own to write together with
        `submit_in`."""
        with writing(self.engine) as connection:
            yield connection

    # ------------------------------------------------------------ the owner's side

    def submit(self, request: JobRequest) -> Submission:
        """Accept a job. Raises TooManyJobs or BadRequest."""
        with writing(self.engine) as connection:
            return self.submit_in(connection, request)

    def submit_in(self, connection: Connection, request: JobRequest) -> Submission:
        """`submit` as part of the caller's transaction."""
        return submission.submit(connection, request, self.limits)

    def check_room_in(self, connection: Connection, owner: str, repository: str) -> None:
        """Check, before work is done for a job, that there is room for it. Raises TooManyJobs."""
        admission.check_room(connection, owner, repository, self.limits)

    def cancel(self, job_id: str, by: str) -> Job:
        """A job that has ended already stays as it is. Raises JobNotFound."""
        with writing(self.engine) as connection:
            return submission.cancel(connection, job_id, by)

    def retry(self, job_id: str) -> Job:
        """Queue a job that has ended again, or another beside it where it has a result to keep.

        Raises JobNotFound, JobActive or TooManyJobs.
        """
        with writing(self.engine) as connection:
            return submission.retry(connection, job_id, self.limits)

    # ------------------------------------------------------------ questions

    def job(self, job_id: str) -> Job:
        """One job by its id. Raises JobNotFound."""
        with reading(self.engine) as connection:
            return listing.job(connection, job_id)

    def jobs(
        self,
        *,
        states: Collection[JobState] | None = None,
        repository: str | None = None,
        owner: str | None = None,
        limit: int = 50,
        before: str | None = None,
    ) -> list[Job]:
        """Jobs, newest first. `before`: the id of the last job of the page before."""
        job_filter = JobFilter(states=states, repository=repository, owner=owner)
        return self.jobs_of(job_filter, limit, before)

    def jobs_of(self, job_filter: JobFilter, limit: int, before: str | None = None) -> list[Job]:
        """The jobs that a filter leaves, as `jobs` has them."""
        with reading(self.engine) as connection:
            return listing.newest(connection, job_filter, limit, before)

    def position(self, job_id: str) -> int | None:
        """1 = next; None for a job that is not waiting."""
        with reading(self.engine) as connection:
            return fairness.position(connection, job_id)

    def counts(self) -> Mapping[JobState, int]:
        with reading(self.engine) as connection:
            return listing.counts(connection)

    def counts_by_ending(self, owner: str | None) -> Mapping[tuple[JobState, Status | None], int]:
        """(State, outcome) → number of an owner's jobs, of everybody's where it is None."""
        with reading(self.engine) as connection:
            return listing.counts_by_ending(connection, owner)

    def recent(self, owner: str | None, length: timedelta) -> statistics.Recent:
        """What ended within that time, of an owner, or of everybody where it is None."""
        with reading(self.engine) as connection:
            return statistics.recent(connection, owner, length)

    def startable(self, queue: Queue) -> int:
        """How many jobs of a queue could start now, given enough workers."""
        with reading(self.engine) as connection:
            return fairness.startable(connection, queue, claims.claimable(), self.limits)

    def first(self, queue: Queue) -> str | None:
        """The id of the job whose turn it is."""
        with reading(self.engine) as connection:
            return claims.whose_turn(connection, queue, self.limits)

    def events(self, job_id: str, after: int = 0, limit: int = 1000) -> list[JobEvent]:
        with reading(self.engine) as connection:
            return history.read(connection, job_id, after, limit)

    def stage(self, job_id: str) -> str:
        """The stage of the repair that began last; empty before the first one."""
        with reading(self.engine) as connection:
            return history.stage(connection, job_id)

    def stages_since(self, job_id: str, since: datetime) -> list[tuple[str, datetime]]:
        """The stages of a job that began since then, and when."""
        with reading(self.engine) as connection:
            return history.stages_since(connection, job_id, since)

    def stages(self, job_ids: Collection[str]) -> Mapping[str, str]:
        """Job → the stage that began last, of those that had one."""
        with reading(self.engine) as connection:
            return history.stages(connection, job_ids)

    def result(self, job_id: str) -> StoredResult | None:
        with reading(self.engine) as connection:
            return listing.result(connection, job_id)

    # ------------------------------------------------------------ the worker's side

    def claim(self, job_id: str, worker: str) -> Claim | None:
        """The right to run this job; None when it cannot be had now."""
        with writing(self.engine) as connection:
            return claims.claim(connection, job_id, worker, self.limits)

    def claim_next(self, queue: Queue, worker: str) -> Claim | None:
        """The right to run the job whose turn it is; None when there is none."""
        for _ in range(MAX_CLAIM_ATTEMPTS):
            # Two transactions: one that holds two repositories could deadlock with another.
            with reading(self.engine) as connection:
                job_id = claims.whose_turn(connection, queue, self.limits)
            if job_id is None:
                return None
            right = self.claim(job_id, worker)
            if right is not None:
                return right
        return None

    def heartbeat(self, claim: Claim, usage: Usage | None = None) -> LeaseRenewal:
        """Extend the lease. Raises Fenced, as all that follow with a claim."""
        with writing(self.engine) as connection:
            return claims.heartbeat(connection, claim, usage, self.limits)

    def checkpoints(self, claim: Claim) -> Checkpoints:
        """The job's checkpoints; every write to them is fenced."""
        return checkpoints.fenced(self.engine, claim)

    def take_slot(self, claim: Claim, model_url: str, slots: int) -> int | None:
        """Take one of `slots` at the model, kept alive by the heartbeat; None: all are taken."""
        with writing(self.engine) as connection:
            return slot_leases.take(connection, claim, model_url, slots, self.limits.lease_seconds)

    def free_slot(self, claim: Claim, model_url: str, slot: int) -> None:
        with writing(self.engine) as connection:
            slot_leases.free(connection, claim, model_url, slot)

    def append(self, claim: Claim, events: Sequence[NewEvent]) -> None:
        with writing(self.engine) as connection:
            claims.append(connection, claim, events)

    def finish(
        self,
        claim: Claim,
        result: RepairResult,
        result_json: str,
        patch: str | None,
        usage: Usage | None = None,
    ) -> Job:
        """The repair came to its end. `patch` is a unified diff as in the agent's records."""
        with writing(self.engine) as connection:
            return claims.finish(connection, claim, result, result_json, patch, usage)

    def requeue(self, claim: Claim, reason: str, not_before: datetime | None = None) -> Job:
        """Give the job back through no fault of its own. With `not_before` it is WAITING."""
        with writing(self.engine) as connection:
            return claims.requeue(connection, claim, reason, not_before)

    def fail(self, claim: Claim, reason: str, retryable: bool) -> Job:
        """Record that a job broke: DEAD, or where it is worth it tried again, up to `max_crashes`
        times."""
        with writing(self.engine) as connection:
            return claims.fail(connection, claim, reason, retryable, self.limits)

    # ------------------------------------------------------------ side effects

    def begin(self, key: str, job_id: str) -> Effect:
        """Record a side effect before doing it; its state says what to do."""
        with writing(self.engine) as connection:
            return effects.begin(connection, key, job_id)

    def complete(self, key: str, value: str) -> None:
        """Record that a side effect happened; `value` (e.g.

        a URL) is what the next `begin` returns.
        """
        with writing(self.engine) as connection:
            effects.complete(connection, key, value)

    def forget(self, key: str) -> None:
        """Record that a side effect certainly did not happen: the next `begin` is NEW again."""
        with writing(self.engine) as connection:
            effects.forget(connection, key)

    def effect(self, key: str) -> Effect | None:
        with reading(self.engine) as connection:
            return effects.read(connection, key)

    # ------------------------------------------------------------ the sweeper's side

    def expired(self) -> list[Job]:
        """Running jobs whose lease ran out."""
        with reading(self.engine) as connection:
            return recovery.expired(connection, self.limits, MAX_SWEPT_JOBS)

    def revive(
        self, job: Job, *, worker_is_dead: bool = False, store_was_away: bool = False
    ) -> Job | None:
        """Queue such a job again, or bury it; None where somebody was faster.

        Who knows that the worker is dead does not wait for the end of its lease; who saw that the
        database was away does not call its silence a crash.
        """
        with writing(self.engine) as connection:
            return recovery.revive(
                connection,
                job,
                self.limits,
                worker_is_dead=worker_is_dead,
                store_was_away=store_was_away,
            )

    def end_overdue(self) -> list[Job]:
        """Cancel what passed its deadline."""
        with writing(self.engine) as connection:
            return recovery.end_overdue(connection, MAX_SWEPT_JOBS)

    def prune(self, days: float) -> int:
        """Remove some of the jobs that ended so long ago; 0 when none is left."""
        with writing(self.engine) as connection:
            return retention.prune(connection, days)

    def unpublished(
        self, topic: Topic = Topic.RUN, limit: int = MAX_SWEPT_JOBS, *, origin: str | None = None
    ) -> list[OutboxEntry]:
        """Outbox entries of a topic that are due now; with `origin` those of its jobs alone."""
        with reading(self.engine) as connection:
            return outbox.due(connection, topic, limit, origin)

    def published(self, entries: Sequence[OutboxEntry]) -> None:
        """Remove hints that the broker took."""
        with writing(self.engine) as connection:
            outbox.sent(connection, entries)

    def take_publishing(self, job_id: str) -> OutboxEntry | None:
        """The publishing to do for a job, counted as an attempt; None when there is none."""
        with writing(self.engine) as connection:
            return outbox.take(connection, job_id)

    def settle(self, entry: OutboxEntry) -> None:
        """Remove an outbox entry whose publishing is done."""
        with writing(self.engine) as connection:
            outbox.settle(connection, entry)

    def put_off(self, entry: OutboxEntry, seconds: float) -> None:
        """Have the publishing of an outbox entry tried again later."""
        with writing(self.engine) as connection:
            outbox.put_off(connection, entry, seconds)
