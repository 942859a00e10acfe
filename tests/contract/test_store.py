"""What every store does, on SQLite and on PostgreSQL, also where texts sort as in a dictionary."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import update

from agent.records import Status
from tests.support.store_case import DATABASES, a_request, a_result, new_database
from workers.errors import (
    BadRequest,
    Fenced,
    JobActive,
    JobNotFound,
    StoreUnavailable,
    TooManyJobs,
)
from workers.forges.intake.inbox import Inbox
from workers.forges.tables import deliveries
from workers.forges.webhook.delivery import Delivery
from workers.forges.webhook.trigger import IgnoredDelivery
from workers.records import (
    Claim,
    EffectState,
    JobFilter,
    JobState,
    NewEvent,
    Queue,
    Topic,
    Usage,
)
from workers.store.clock import seconds_from_now
from workers.store.database import open_engine
from workers.store.migrations.versions import r0003_forges, r0003_owners
from workers.store.scheduling.limits import Limits
from workers.store.store import Store
from workers.store.tables import effects, jobs, metadata, model_slots

SMALL = Limits(max_jobs_per_repository=6, max_running_per_repository=2, max_live_jobs=12)


@pytest.fixture(scope="module", params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    return new_database(request, tmp_path_factory)


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """An empty store."""
    store = Store(open_engine(url), SMALL)
    store.migrate()
    with store.transaction() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    yield store
    store.close()


def submit(store: Store, repository: str = "example/ledger", **fields: object) -> str:
    return store.submit(a_request(repository, **fields)).job.id


def claimed(store: Store, job_id: str, worker: str = "w1") -> Claim:
    claim = store.claim(job_id, worker)
    assert claim is not None
    return claim


def lapse(store: Store, job_id: str) -> None:
    """As if the worker had been silent for the length of its lease."""
    with store.transaction() as connection:
        past = {"lease_expires_at": seconds_from_now(-1)}
        connection.execute(update(jobs).where(jobs.c.id == job_id).values(past))


def pass_deadlines(store: Store) -> None:
    with store.transaction() as connection:
        connection.execute(update(jobs).values(deadline_at=seconds_from_now(-1)))


def kinds(store: Store, job_id: str) -> list[str]:
    return [event.kind for event in store.events(job_id)]


class TestSchema:
    def test_the_migrations_give_the_tables(self, store: Store) -> None:
        with store.engine.connect() as connection:
            context = MigrationContext.configure(connection)
            ours = {table.name for table in metadata.sorted_tables}
            assert deliveries.name in ours
            found = compare_metadata(context, metadata)
        ours_differ = [
            (kind, thing)
            for kind, thing, *_ in found
            if getattr(thing, "table", thing).name in ours  # LangGraph keeps its own
        ]
        assert ours_differ == []

    def test_several_processes_may_migrate_at_once(self, url: str) -> None:
        stores = [Store(open_engine(url)) for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(Store.migrate, stores))
        for store in stores:
            assert store.submit(a_request()).created
            store.close()


def test_keys_of_an_earlier_version_are_still_known(tmp_path: Path) -> None:
    store = Store(open_engine(f"sqlite:///{tmp_path}/old.sqlite"))
    store.migrate()
    asked = {"origin": "api", "owner": "ada", "idempotency_key": "k"}
    job = store.submit(a_request(**asked)).job
    with store.transaction() as connection:
        connection.execute(update(jobs).values(idempotency_key="ada:k"))
        with Operations.context(MigrationContext.configure(connection)):
            r0003_owners.scope_keys()
    again = store.submit(a_request(**asked))
    assert (again.created, again.job.id) == (False, job.id)
    store.close()


def test_deliveries_of_an_earlier_version_are_github_s(tmp_path: Path) -> None:
    store = Store(open_engine(f"sqlite:///{tmp_path}/old.sqlite"))
    store.migrate()
    inbox = Inbox(store, "github")
    inbox.record(Delivery.of_own("schedule", "acme/ledger", "1"), IgnoredDelivery("nothing"))
    with store.transaction() as connection:
        for name in ("due", "newest"):
            connection.exec_driver_sql(f"DROP INDEX github_deliveries_{name}")
        connection.exec_driver_sql("ALTER TABLE github_deliveries DROP COLUMN forge")
        for name, order in (("due", "due_at"), ("newest", "received_at")):
            index = f"github_deliveries_{name} ON github_deliveries ({order})"
            connection.exec_driver_sql(f"CREATE INDEX {index}")
        with Operations.context(MigrationContext.configure(connection)):
            r0003_forges.upgrade()
    assert [entry.repository for entry in inbox.newest()] == ["acme/ledger"]
    store.close()


class TestSubmission:
    def test_a_job_is_queued_and_announced(self, store: Store) -> None:
        request = a_request(owner="ann", deadline_seconds=60.0)
        submitted = store.submit(request)
        job = store.job(submitted.job.id)
        assert submitted.created
        assert job == submitted.job
        assert (job.state, job.request, job.attempts) == (JobState.QUEUED, request, 0)
        assert abs((job.created_at - datetime.now(UTC)).total_seconds()) < 60
        assert job.deadline_at is not None
        assert job.deadline_at - job.created_at == pytest.approx(
            timedelta(seconds=60), abs=timedelta(seconds=1)
        )
        assert kinds(store, job.id) == ["queued"]
        assert [(e.topic, e.job_id) for e in store.unpublished()] == [(Topic.RUN, job.id)]

    def test_the_same_key_gives_the_same_job(self, store: Store) -> None:
        first = store.submit(a_request(idempotency_key="k"))
        again = store.submit(a_request("another/repository", idempotency_key="k"))
        assert (again.created, again.job.id) == (False, first.job.id)

    def test_twenty_at_once_with_one_key_are_one_job(self, store: Store) -> None:
        requests = [a_request(f"r/{n % 2}", idempotency_key="k") for n in range(20)]
        with ThreadPoolExecutor(8) as pool:
            submitted = list(pool.map(store.submit, requests))
        assert len({one.job.id for one in submitted}) == 1
        assert sum(one.created for one in submitted) == 1

    def test_an_id_is_used_once(self, store: Store) -> None:
        request = a_request()
        store.submit(request)
        with pytest.raises(BadRequest, match="already"):
            store.submit(request)

    def test_a_repository_has_so_many_live_jobs(self, store: Store) -> None:
        for _ in range(SMALL.max_jobs_per_repository):
            submit(store)
        with pytest.raises(TooManyJobs, match="example/ledger"):
            submit(store)
        submit(store, "another/one")

    def test_the_repository_limit_holds_in_a_race(self, store: Store) -> None:
        def attempt(_: int) -> bool:
            try:
                return bool(submit(store))
            except TooManyJobs:
                return False

        with ThreadPoolExecutor(8) as pool:
            accepted = sum(pool.map(attempt, range(20)))
        assert accepted == SMALL.max_jobs_per_repository

    def test_the_limit_of_the_service_holds_in_a_race(self, store: Store) -> None:
        """New jobs and old ones again, each of a repository of its own."""
        old = [submit(store, f"old/{number}") for number in range(SMALL.max_live_jobs)]
        for job_id in old:
            store.cancel(job_id, "ann")

        def attempt(number: int) -> bool:
            try:
                if number % 2:
                    return store.retry(old[number // 2]).state is JobState.QUEUED
                return bool(submit(store, f"new/{number}"))
            except TooManyJobs:
                return False

        with ThreadPoolExecutor(8) as pool:
            accepted = sum(pool.map(attempt, range(2 * SMALL.max_live_jobs)))
        assert accepted == SMALL.max_live_jobs
        counts = store.counts()
        assert counts[JobState.QUEUED] == SMALL.max_live_jobs

    def test_the_service_has_so_many_live_jobs(self, store: Store) -> None:
        for number in range(SMALL.max_live_jobs):
            submit(store, f"r/{number}")
        with pytest.raises(TooManyJobs, match="service"):
            submit(store, "r/new")

    def test_ended_jobs_are_not_live(self, store: Store) -> None:
        ids = [submit(store) for _ in range(SMALL.max_jobs_per_repository)]
        store.cancel(ids[0], "ann")
        assert store.job(submit(store)).state is JobState.QUEUED

    @pytest.mark.parametrize(
        "fields",
        [{"repository": ""}, {"owner": "a\x00b"}, {"idempotency_key": "k" * 501}]
        + [{"deadline_seconds": value} for value in (0, -1, float("nan"), float("inf"))],
    )
    def test_what_cannot_be_stored_is_refused(self, fields: dict[str, object]) -> None:
        with pytest.raises(BadRequest):
            a_request(**fields)  # type: ignore[arg-type]

    def test_github_jobs_are_published(self, store: Store) -> None:
        job_id = submit(store, origin="github")
        assert [e.job_id for e in store.unpublished(Topic.RUN)] == [job_id]
        assert [e.job_id for e in store.unpublished(Topic.PUBLISH)] == [job_id]


class TestQuestions:
    def test_unknown_jobs(self, store: Store) -> None:
        for ask in (store.job, store.retry, lambda i: store.cancel(i, "ann")):
            with pytest.raises(JobNotFound):
                ask("none")
        assert store.position("none") is None
        assert store.result("none") is None
        assert store.events("none") == []
        assert store.claim("none", "w1") is None

    def test_the_newest_come_first_in_pages(self, store: Store) -> None:
        ids = [submit(store, f"r/{n}", owner=f"o{n % 2}") for n in range(5)]
        newest = list(reversed(ids))
        assert [job.id for job in store.jobs(limit=2)] == newest[:2]
        assert [job.id for job in store.jobs(limit=2, before=newest[1])] == newest[2:4]
        assert [job.id for job in store.jobs(owner="o1")] == [ids[3], ids[1]]
        assert [job.id for job in store.jobs(repository="r/4")] == [ids[4]]
        assert store.jobs(states=[JobState.RUNNING]) == []

    def test_counts_name_every_state(self, store: Store) -> None:
        submit(store)
        claimed(store, submit(store))
        expected = dict.fromkeys(JobState, 0) | {JobState.QUEUED: 1, JobState.RUNNING: 1}
        assert store.counts() == expected

    def test_positions_are_the_order_of_the_claims(self, store: Store) -> None:
        for repository in ("a", "a", "a", "b", "c"):
            submit(store, repository)
        jobs_left = {job.id: store.position(job.id) for job in store.jobs()}
        expected = sorted(jobs_left, key=lambda i: jobs_left[i] or 0)
        got = []
        while (claim := store.claim_next(Queue.INTERACTIVE, "w1")) is not None:
            got.append(claim.job.id)
            store.finish(claim, a_result(claim.job.id), "{}", None)
        assert sorted(jobs_left.values()) == [1, 2, 3, 4, 5]  # type: ignore[type-var]
        assert got == expected
        assert store.position(got[0]) is None


class TestClaims:
    def test_one_of_many_workers_gets_the_job(self, store: Store) -> None:
        job_id = submit(store)
        with ThreadPoolExecutor(8) as pool:
            claims = list(pool.map(lambda n: store.claim(job_id, f"w{n}"), range(8)))
        got = [claim for claim in claims if claim is not None]
        assert len(got) == 1
        job = store.job(job_id)
        assert (job.state, job.worker, job.attempts) == (JobState.RUNNING, got[0].worker, 1)
        assert got[0].expires_at > job.created_at

    def test_workers_that_take_what_is_next_never_share(self, store: Store) -> None:
        ids = {submit(store, f"r/{n % 4}") for n in range(8)}
        with ThreadPoolExecutor(8) as pool:
            futures = [pool.submit(store.claim_next, Queue.INTERACTIVE, f"w{n}") for n in range(12)]
        got = [claim.job.id for future in futures if (claim := future.result()) is not None]
        assert len(got) == len(set(got))
        assert set(got) <= ids

    def test_turns_go_round_the_repositories(self, store: Store) -> None:
        for repository in ("a", "a", "a", "b", "c"):
            submit(store, repository)
        turns = []
        while (claim := store.claim_next(Queue.INTERACTIVE, "w1")) is not None:
            turns.append(claim.job.request.repository)
        assert turns == ["a", "b", "c", "a"]  # the third of `a` waits for the limit

    def test_what_was_begun_goes_on_before_what_was_not(self, store: Store) -> None:
        for repository in ("a", "a", "b", "c"):
            submit(store, repository)
        begun = store.claim_next(Queue.INTERACTIVE, "w1")
        assert begun is not None
        store.requeue(begun, "its worker stops")
        assert store.position(begun.job.id) == 1
        again = store.claim_next(Queue.INTERACTIVE, "w2")
        assert again is not None
        assert again.job.id == begun.job.id

    def test_a_repository_runs_so_many_at_once(self, store: Store) -> None:
        ids = [submit(store) for _ in range(3)]
        first, _second = claimed(store, ids[0]), claimed(store, ids[1])
        assert store.claim(ids[2], "w") is None
        assert store.startable(Queue.INTERACTIVE) == 0
        store.published(store.unpublished())
        store.finish(first, a_result(ids[0]), "{}", None)
        assert [entry.job_id for entry in store.unpublished()] == [ids[2]]
        assert store.startable(Queue.INTERACTIVE) == 1
        claimed(store, ids[2])

    def test_the_queues_are_apart(self, store: Store) -> None:
        submit(store, queue=Queue.BACKGROUND)
        assert store.claim_next(Queue.INTERACTIVE, "w1") is None
        assert store.startable(Queue.BACKGROUND) == 1
        assert store.claim_next(Queue.BACKGROUND, "w1") is not None

    def test_a_heartbeat_extends_the_lease_and_counts(self, store: Store) -> None:
        claim = claimed(store, submit(store))
        used = Usage(tokens=5, gpu_seconds=1.5, candidates_tried=9)
        beat = store.heartbeat(claim, used)
        job = store.job(claim.job.id)
        assert not beat.cancel_requested
        assert beat.expires_at >= claim.expires_at
        assert (job.tokens, job.gpu_seconds, job.candidates_tried) == (5, 1.5, 9)

    def test_events_are_numbered_in_their_order(self, store: Store) -> None:
        claim = claimed(store, submit(store))
        store.append(claim, [NewEvent(kind=f"e{n}", data={"n": n}) for n in range(3)])
        store.append(claim, [])
        store.append(claim, [NewEvent(kind="last", data={"odd": "\x00\udcff"})])
        events = store.events(claim.job.id)
        assert [event.seq for event in events] == [1, 2, 3, 4, 5, 6]
        assert events[-1].data == {"odd": "\x00\udcff"}
        assert [e.kind for e in store.events(claim.job.id, after=4, limit=1)] == ["e2"]

    def test_a_result_is_kept_to_the_byte(self, store: Store) -> None:
        claim = claimed(store, submit(store))
        patch = "--- a\n+++ b\n+caf\udce9\x00\n"
        job = store.finish(claim, a_result(claim.job.id), '{"a": 1}', patch, Usage(tokens=3))
        stored = store.result(job.id)
        assert stored is not None
        assert (stored.result_json, stored.patch) == ('{"a": 1}', patch)
        assert (job.state, job.outcome, job.reason) == (
            JobState.ENDED,
            Status.REPAIRED,
            "as asked",
        )
        assert (job.tokens, job.candidates_tried) == (3, 7)
        assert job.ended_at is not None
        assert kinds(store, job.id) == ["queued", "started", "ended"]

    def test_a_job_given_back_is_next_again(self, store: Store) -> None:
        first, second = submit(store, "a"), submit(store, "a")
        job = store.requeue(claimed(store, first), "the worker stops")
        assert (job.state, job.crashes, job.waits) == (JobState.QUEUED, 0, 0)
        assert (store.position(first), store.position(second)) == (1, 2)

    def test_a_job_that_waits_cannot_be_had_before_its_time(self, store: Store) -> None:
        job_id = submit(store)
        later = datetime.now(UTC) + timedelta(hours=1)
        job = store.requeue(claimed(store, job_id), "the model is down", later)
        assert (job.state, job.waits, job.reason) == (JobState.WAITING, 1, "the model is down")
        assert job.not_before == pytest.approx(later, abs=timedelta(milliseconds=1))
        assert store.claim(job_id, "w") is None
        assert store.claim_next(Queue.INTERACTIVE, "w") is None
        with store.transaction() as connection:
            connection.execute(update(jobs).values(not_before=seconds_from_now(-1)))
        assert claimed(store, job_id).job.not_before is None

    def test_what_broke_is_tried_again_and_then_buried(self, store: Store) -> None:
        job_id = submit(store)
        for crash in range(1, SMALL.max_crashes):
            job = store.fail(claimed(store, job_id), "engine \x00 away", retryable=True)
            assert (job.state, job.crashes) == (JobState.WAITING, crash)
            with store.transaction() as connection:
                connection.execute(update(jobs).values(not_before=None))
        job = store.fail(claimed(store, job_id), "engine away", retryable=True)
        assert (job.state, job.reason) == (JobState.DEAD, "engine away")
        assert job.ended_at is not None
        assert kinds(store, job_id)[-1] == "dead"

    def test_what_cannot_succeed_is_buried_at_once(self, store: Store) -> None:
        job = store.fail(claimed(store, submit(store)), "no such folder", retryable=False)
        assert (job.state, job.reason) == (JobState.DEAD, "no such folder")


class TestOwners:
    def test_many_jobs_of_one_owner_keep_nobody_waiting(self, store: Store) -> None:
        store.limits = Limits(max_live_jobs=100)
        for number in range(39):
            submit(store, f"r/{number}", owner="many")
        one = submit(store, "r/0", owner="one")
        assert store.position(one) == 2
        turns = [store.claim_next(Queue.INTERACTIVE, "w") for _ in range(3)]
        assert [turn and turn.job.request.owner for turn in turns] == ["many", "one", "many"]

    def test_what_was_begun_goes_before_its_owners_other_jobs_only(self, store: Store) -> None:
        for number in range(3):
            held = claimed(store, submit(store, f"r/{number}", owner="many"))
            store.requeue(held, "given back")
        one = submit(store, "r/0", owner="one")
        assert store.first(Queue.INTERACTIVE) == one
        assert store.position(one) == 1

    def test_what_runs_counts_for_its_owner(self, store: Store) -> None:
        claimed(store, submit(store, "a", owner="many"))
        submit(store, "b", owner="many")
        one = submit(store, "c", owner="one")
        claimed(store, submit(store, "d", owner="one"))
        claimed(store, submit(store, "e", owner="many"))
        assert store.first(Queue.INTERACTIVE) == one

    def test_limits_of_a_repository_are_each_owners_own(self, store: Store) -> None:
        for _ in range(SMALL.max_jobs_per_repository):
            submit(store, "r", owner="many")
        with pytest.raises(TooManyJobs):
            submit(store, "r", owner="many")
        mine = submit(store, "r", owner="one")
        for _ in range(SMALL.max_running_per_repository):
            assert store.claim_next(Queue.INTERACTIVE, "w") is not None
        assert store.job(mine).state is JobState.RUNNING, "the others' places are their own"

    def test_an_owner_has_so_many_live_jobs(self, store: Store) -> None:
        store.limits = Limits(max_jobs_per_owner=3)
        for number in range(3):
            submit(store, f"r/{number}", owner="many")
        with pytest.raises(TooManyJobs, match="owner"):
            submit(store, "r/4", owner="many")
        assert submit(store, "r/4", owner="one")

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ({"owner": "a", "idempotency_key": "b:c"}, {"owner": "a:b", "idempotency_key": "c"}),
            ({"owner": "", "idempotency_key": "a:c"}, {"owner": "a", "idempotency_key": "c"}),
            ({"owner": 'a", "b', "idempotency_key": "c"}, {"owner": "a", "idempotency_key": "b"}),
            (
                {"owner": "a", "idempotency_key": "github:r:1"},
                {"owner": "a", "idempotency_key": "github:r:1", "origin": "github"},
            ),
        ],
        ids=["a colon", "no owner", "a quote", "another origin"],
    )
    def test_keys_of_different_owners_never_meet(
        self, store: Store, one: dict[str, str], other: dict[str, str]
    ) -> None:
        first, second = (store.submit(a_request(**fields)) for fields in (one, other))
        assert (first.created, second.created) == (True, True)
        for fields, submitted in ((one, first), (other, second)):
            again = store.submit(a_request(**fields))
            assert (again.created, again.job.id) == (False, submitted.job.id)


class TestFence:
    def test_nothing_is_written_with_an_old_fence(self, store: Store) -> None:
        job_id = submit(store)
        old = claimed(store, job_id, "slow")
        lapse(store, job_id)
        assert store.revive(store.expired()[0]) is not None
        new = claimed(store, job_id, "fresh")
        before = store.events(job_id)
        for write in (
            lambda: store.heartbeat(old),
            lambda: store.append(old, [NewEvent(kind="late")]),
            lambda: store.finish(old, a_result(job_id), "{}", None),
            lambda: store.requeue(old, "late"),
            lambda: store.fail(old, "late", retryable=True),
        ):
            with pytest.raises(Fenced, match="slow"):
                write()
        assert store.events(job_id) == before
        assert store.job(job_id).worker == "fresh"
        store.finish(new, a_result(job_id), "{}", None)
        with pytest.raises(Fenced):
            store.heartbeat(new)

    def test_a_job_that_ended_is_closed_to_its_worker(self, store: Store) -> None:
        claim = claimed(store, submit(store))
        store.finish(claim, a_result(claim.job.id), "{}", None)
        with pytest.raises(Fenced):
            store.finish(claim, a_result(claim.job.id), "{}", None)
        assert kinds(store, claim.job.id).count("ended") == 1


class TestRecovery:
    def test_a_silent_worker_loses_its_job(self, store: Store) -> None:
        job_id = submit(store)
        claimed(store, job_id)
        assert store.expired() == []
        store.published(store.unpublished())
        lapse(store, job_id)
        (silent,) = store.expired()
        revived = store.revive(silent)
        assert revived is not None
        assert (revived.state, revived.crashes) == (JobState.QUEUED, 1)
        assert [entry.job_id for entry in store.unpublished()] == [job_id]
        assert store.revive(silent) is None

    def test_a_worker_known_to_be_dead_loses_its_job_at_once(self, store: Store) -> None:
        claim = claimed(store, submit(store), "w1")
        job = store.revive(claim.job, worker_is_dead=True)
        assert job is not None
        assert (job.state, job.crashes) == (JobState.QUEUED, 1)
        again = claimed(store, job.id, "w2")
        assert store.revive(claim.job, worker_is_dead=True) is None
        store.heartbeat(again)

    def test_old_jobs_leave_with_all_they_have(self, store: Store) -> None:
        claim = claimed(store, submit(store))
        store.finish(claim, a_result(claim.job.id), "{}", None)
        live = submit(store)
        assert store.prune(1.0) == 0
        with store.transaction() as connection:
            connection.execute(update(jobs).values(ended_at=seconds_from_now(-2 * 86_400)))
        assert store.prune(1.0) == 1
        assert [job.id for job in store.jobs()] == [live]
        assert store.events(claim.job.id) == []
        assert store.result(claim.job.id) is None

    def test_several_sweepers_revive_a_job_once(self, store: Store) -> None:
        job_id = submit(store)
        claimed(store, job_id)
        lapse(store, job_id)
        (silent,) = store.expired()
        with ThreadPoolExecutor(6) as pool:
            revived = list(pool.map(lambda _: store.revive(silent), range(6)))
        assert sum(job is not None for job in revived) == 1
        assert store.job(job_id).crashes == 1

    def test_a_worker_that_came_back_keeps_its_job(self, store: Store) -> None:
        claim = claimed(store, submit(store))
        lapse(store, claim.job.id)
        (silent,) = store.expired()
        store.heartbeat(claim)
        assert store.revive(silent) is None
        store.finish(claim, a_result(claim.job.id), "{}", None)

    def test_a_job_that_kills_workers_is_buried(self, store: Store) -> None:
        job_id = submit(store)
        for _ in range(SMALL.max_crashes):
            claimed(store, job_id)
            lapse(store, job_id)
            last = store.revive(store.expired()[0])
        assert last is not None
        assert last.state is JobState.DEAD
        assert "crash 3 of 3" in last.reason
        assert store.claim(job_id, "w") is None

    def test_deadlines_end_what_waits_and_stop_what_runs(self, store: Store) -> None:
        waiting, running = (submit(store, f"r/{n}", deadline_seconds=60.0) for n in range(2))
        claim = claimed(store, running)
        assert store.end_overdue() == []
        pass_deadlines(store)
        assert store.claim(waiting, "w") is None
        assert {job.id for job in store.end_overdue()} == {waiting, running}
        assert store.end_overdue() == []
        assert store.job(waiting).state is JobState.CANCELLED
        assert store.heartbeat(claim).cancel_requested
        assert "deadline" in store.job(running).reason

    def test_a_job_that_passes_its_deadline_while_it_is_revived_ends(self, store: Store) -> None:
        job_id = submit(store, deadline_seconds=60.0)
        claimed(store, job_id)
        lapse(store, job_id)
        (silent,) = store.expired()
        pass_deadlines(store)
        store.end_overdue()  # another sweeper, in between
        job = store.revive(silent)
        assert job is not None
        assert (job.state, job.reason) == (JobState.CANCELLED, "cancelled by its deadline")
        assert job.ended_at is not None

    def test_a_job_that_nobody_may_claim_any_more_is_ended(self, store: Store) -> None:
        """Asked to end while it ran, given back by an earlier version, and then overdue."""
        job_id = submit(store, deadline_seconds=60.0)
        with store.transaction() as connection:
            connection.execute(update(jobs).values(cancel_requested=True))
        pass_deadlines(store)
        assert store.claim(job_id, "w") is None
        assert [job.id for job in store.end_overdue()] == [job_id]
        assert store.job(job_id).state is JobState.CANCELLED


class TestCancel:
    def test_a_queued_job_is_cancelled_at_once(self, store: Store) -> None:
        job_id = submit(store)
        job = store.cancel(job_id, "ann")
        assert (job.state, job.reason) == (JobState.CANCELLED, "cancelled by ann")
        assert store.claim(job_id, "w") is None
        assert store.claim_next(Queue.INTERACTIVE, "w") is None
        assert store.cancel(job_id, "bob").reason == "cancelled by ann"

    def test_a_running_job_is_told(self, store: Store) -> None:
        claim = claimed(store, submit(store))
        assert store.cancel(claim.job.id, "ann").state is JobState.RUNNING
        assert store.heartbeat(claim).cancel_requested
        result = a_result(claim.job.id, Status.CANCELLED)
        job = store.finish(claim, result, "{}", "a patch")
        assert (job.state, job.reason) == (JobState.CANCELLED, "cancelled by ann")
        assert store.result(job.id) is not None

    def test_a_cancelled_job_stays_so_when_its_worker_dies(self, store: Store) -> None:
        claim = claimed(store, submit(store))
        store.cancel(claim.job.id, "ann")
        lapse(store, claim.job.id)
        job = store.revive(store.expired()[0])
        assert job is not None
        assert job.state is JobState.CANCELLED

    def test_a_cancelled_job_stays_so_when_it_is_given_back(self, store: Store) -> None:
        for give_back in (
            lambda claim: store.requeue(claim, "the worker stops"),
            lambda claim: store.fail(claim, "engine away", retryable=True),
        ):
            claim = claimed(store, submit(store))
            store.cancel(claim.job.id, "ann")
            assert give_back(claim).state is JobState.CANCELLED
            assert store.claim(claim.job.id, "w") is None


class TestRetry:
    def test_a_dead_job_gets_a_new_chance(self, store: Store) -> None:
        job_id = submit(store)
        store.fail(claimed(store, job_id), "broken", retryable=False)
        job = store.retry(job_id)
        assert (job.state, job.crashes, job.reason, job.ended_at) == (JobState.QUEUED, 0, "", None)
        claimed(store, job_id)

    def test_an_ended_job_keeps_its_result_and_another_begins_beside_it(self, store: Store) -> None:
        claim = claimed(store, submit(store))
        store.finish(claim, a_result(claim.job.id), "{}", "the patch")
        again = store.retry(claim.job.id)
        assert again.id != claim.job.id
        assert (again.state, again.outcome) == (JobState.QUEUED, None)
        assert again.request.repair.target == claim.job.request.repair.target
        store.cancel(again.id, "ann")
        kept = store.result(claim.job.id)
        assert kept is not None
        assert kept.patch == "the patch"
        assert store.result(again.id) is None

    def test_a_job_of_github_stays_one_job(self, store: Store) -> None:
        claim = claimed(store, submit(store, origin="github"))
        store.finish(claim, a_result(claim.job.id), "{}", None)
        assert store.retry(claim.job.id).id == claim.job.id
        assert store.result(claim.job.id) is None

    def test_a_live_job_cannot_be_retried(self, store: Store) -> None:
        with pytest.raises(JobActive):
            store.retry(submit(store))

    def test_a_retry_is_a_live_job_more(self, store: Store) -> None:
        job_id = submit(store)
        store.cancel(job_id, "ann")
        for _ in range(SMALL.max_jobs_per_repository):
            submit(store)
        with pytest.raises(TooManyJobs, match="example/ledger"):
            store.retry(job_id)
        assert store.job(job_id).state is JobState.CANCELLED


class TestPlaces:
    def test_so_many_generate_at_once(self, store: Store) -> None:
        first, second = claimed(store, submit(store, "a")), claimed(store, submit(store, "b"))
        taken = [store.take_slot(claim, "url", 2) for claim in (first, first, second)]
        assert taken == [0, 1, None]
        assert store.take_slot(second, "another", 2) == 0
        store.free_slot(second, "url", 0)  # not its own
        assert store.take_slot(second, "url", 2) is None
        store.free_slot(first, "url", 0)
        assert store.take_slot(second, "url", 2) == 0

    def test_places_are_shared_out_once_in_a_race(self, store: Store) -> None:
        claim = claimed(store, submit(store))
        with ThreadPoolExecutor(8) as pool:
            taken = list(pool.map(lambda _: store.take_slot(claim, "url", 3), range(8)))
        got = [number for number in taken if number is not None]
        assert len(got) == len(set(got)) <= 3

    def test_the_dead_leave_their_places(self, store: Store) -> None:
        dead, live = claimed(store, submit(store, "a")), claimed(store, submit(store, "b"))
        store.take_slot(dead, "url", 1)
        with store.transaction() as connection:
            connection.execute(update(model_slots).values(expires_at=seconds_from_now(-1)))
        assert store.take_slot(live, "url", 1) == 0
        store.heartbeat(live)
        assert store.take_slot(dead, "url", 1) is None


class TestOutbox:
    def test_a_hint_is_gone_when_redis_took_it(self, store: Store) -> None:
        submit(store)
        entries = store.unpublished()
        assert store.unpublished() == entries
        store.published(entries)
        assert store.unpublished() == []

    def test_publishing_comes_up_again_until_it_is_done(self, store: Store) -> None:
        job_id = submit(store, origin="github")
        entry = store.take_publishing(job_id)
        assert entry is not None
        assert entry.attempts == 1
        assert store.take_publishing(job_id) is None
        assert store.unpublished(Topic.PUBLISH) == []
        store.put_off(entry, 0.0)
        assert [e.job_id for e in store.unpublished(Topic.PUBLISH)] == [job_id]
        again = store.take_publishing(job_id)
        assert again is not None
        assert again.attempts == 2
        store.settle(again)
        assert store.take_publishing(job_id) is None

    def test_a_change_during_the_publishing_is_not_lost(self, store: Store) -> None:
        job_id = submit(store, origin="github")
        entry = store.take_publishing(job_id)
        assert entry is not None
        claimed(store, job_id)
        store.settle(entry)
        again = store.take_publishing(job_id)
        assert again is not None
        assert again.version > entry.version


class TestEffects:
    def test_it_is_done_once(self, store: Store) -> None:
        job_id = submit(store)
        assert store.effect("pr") is None
        assert store.begin("pr", job_id).state is EffectState.NEW
        assert store.begin("pr", job_id).state is EffectState.BUSY
        store.complete("pr", "https://example.org/1")
        again = store.begin("pr", job_id)
        assert (again.state, again.value) == (EffectState.DONE, "https://example.org/1")

    def test_only_one_of_many_is_told_to_do_it(self, store: Store) -> None:
        job_id = submit(store)
        with ThreadPoolExecutor(8) as pool:
            states = list(pool.map(lambda _: store.begin("pr", job_id).state, range(8)))
        assert states.count(EffectState.NEW) == 1
        assert states.count(EffectState.BUSY) == 7

    def test_a_beginning_without_an_end_has_to_be_looked_up_by_one(self, store: Store) -> None:
        job_id = submit(store)
        store.begin("pr", job_id)
        with store.transaction() as connection:
            connection.execute(update(effects).values(begun_at=seconds_from_now(-3600)))
        assert store.begin("pr", job_id).state is EffectState.UNKNOWN
        assert store.begin("pr", job_id).state is EffectState.BUSY
        store.forget("pr")
        assert store.begin("pr", job_id).state is EffectState.NEW


def test_a_caller_writes_its_own_rows_and_a_job_together(store: Store) -> None:
    request = a_request()

    def interrupted() -> None:
        with store.transaction() as connection:
            assert store.submit_in(connection, request).created
            raise InterruptedError

    with pytest.raises(InterruptedError):
        interrupted()
    with pytest.raises(JobNotFound):
        store.job(request.repair.run_id)


def test_a_database_that_is_away_is_said_so(tmp_path: Path) -> None:
    folder = tmp_path / "in-the-way"
    folder.mkdir()
    for url in (f"sqlite:///{folder}", "postgresql://nobody@127.0.0.1:1/none"):
        with pytest.raises(StoreUnavailable, match="database"):
            Store(open_engine(url)).counts()


def test_jobs_are_found_by_words_and_by_how_they_ended(store: Store) -> None:
    ids = [submit(store, name, owner="ada") for name in ("git/Ada/One", "git/ada/50%_two")]
    other_id = submit(store, "git/eve/three", owner="eve")
    claim = claimed(store, ids[0])
    store.finish(claim, a_result(ids[0]), "{}", None)

    def found(**wanted: object) -> list[str]:
        return [job.id for job in store.jobs_of(JobFilter(**wanted), 10)]  # type: ignore[arg-type]

    assert found(words="ADA/") == ids[::-1]
    assert found(words="%_t") == [ids[1]]
    assert found(words="_da") == []
    assert found(words=other_id[-8:].upper()) == [other_id]
    assert found(words="git", owner="eve") == [other_id]
    assert found(outcomes=[Status.REPAIRED]) == [ids[0]]
    assert store.counts_by_ending("ada") == {
        (JobState.ENDED, Status.REPAIRED): 1,
        (JobState.QUEUED, None): 1,
    }
    assert sum(store.counts_by_ending(None).values()) == 3


def test_the_stage_of_each_job_and_since_when(store: Store) -> None:
    first, second, third = (submit(store, name) for name in ("a", "b", "c"))
    for job_id, stages in ((first, ["prepare", "baseline"]), (second, ["prepare"])):
        told = [NewEvent(kind="stage_started", data={"stage": stage}) for stage in stages]
        store.append(claimed(store, job_id), told)
    assert store.stages([first, second, third]) == {first: "baseline", second: "prepare"}
    started_at = store.job(first).started_at
    assert started_at is not None
    names = [stage for stage, _ in store.stages_since(first, started_at)]
    assert names == ["prepare", "baseline"]
    assert store.stages_since(first, started_at + timedelta(hours=1)) == []
