"""`/metrics`, `/healthz` and `/readyz`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import update

from tests.support.services import RedisServer
from tests.support.web_case import EVENTS, Site, site
from workers.records import Queue
from workers.store.clock import seconds_from_now
from workers.store.scheduling.presence import Presence
from workers.store.tables import jobs, worker_presence
from workers.web.auth.scopes import Scope

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def scrape(api: httpx.Client) -> Samples:
    answer = api.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_the_queue_as_it_is(here: Site, api: httpx.Client) -> None:
    job = here.submit(owner="ada")
    here.submit(owner="ada", queue=Queue.BACKGROUND)
    with here.store.transaction() as connection:
        old = update(jobs).where(jobs.c.id == job.id).values(queued_at=seconds_from_now(-500))
        connection.execute(old)
    found = scrape(api)
    depth = ("queue", "interactive"), ("state", "queued")
    assert found["repair_jobs", depth] == 1
    assert found["repair_jobs", (("queue", "interactive"), ("state", "dead"))] == 0
    assert 500 <= found["repair_oldest_queued_seconds", (("queue", "interactive"),)] < 900
    assert found["repair_oldest_queued_seconds", (("queue", "background"),)] < 400
    assert found["repair_outbox_rows", ()] == 2


def test_what_ended_is_counted_once(here: Site, api: httpx.Client, tmp_path: Path) -> None:
    before = scrape(api)
    here.finish(here.start(here.submit(owner="ada"), EVENTS), tmp_path)
    here.store.cancel(here.submit(owner="ada").id, by="ada")
    here.store.fail(here.start(here.submit(owner="ada")), "no engine", retryable=False)
    scrape(api)
    after = scrape(api)

    def grown(name: str, **labels: str) -> float:
        key = (name, tuple(sorted(labels.items())))
        return after[key] - before.get(key, 0.0)

    for outcome in ("repaired", "cancelled", "dead"):
        assert grown("repair_jobs_ended_total", outcome=outcome) == 1
    assert grown("repair_tokens_total") == 120
    assert grown("repair_gpu_seconds_total") == 2.5
    assert grown("repair_candidates_total") == 1234
    assert grown("repair_failed_tries_total") == 1
    assert grown("repair_stage_seconds_sum", stage="propose") == 3.5
    assert grown("repair_stage_seconds_count", stage="prepare") == 1
    assert grown("repair_job_seconds_count") == 2
    assert grown("repair_wait_seconds_count") == 2


def test_alive_says_nothing_else(here: Site) -> None:
    assert httpx.get(f"{here.url}/healthz").json() == {"status": "ok"}


@pytest.fixture
def with_redis(redis_server: RedisServer, tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path, redis_url=redis_server.url) as running:
        yield running


def test_ready_when_all_is_there(with_redis: Site) -> None:
    def checks() -> dict[str, bool]:
        answer = httpx.get(f"{with_redis.url}/readyz")
        assert answer.json()["ready"] == all(answer.json()["checks"].values())
        assert answer.status_code == (200 if answer.json()["ready"] else 503)
        found: dict[str, bool] = answer.json()["checks"]
        return found

    presence = Presence(with_redis.store.engine)
    nobody = {"database": True, "redis": True, "workers": False, "sandbox": False}
    assert checks() == nobody
    presence.report("w1", [Queue.INTERACTIVE], 2, "docker", "")
    assert checks() == nobody | {"sandbox": True}  # nobody takes background work
    presence.report("w2", [Queue.BACKGROUND], 2, "", "no engine")
    assert checks() == nobody | {"workers": True}
    presence.report("w2", [Queue.BACKGROUND], 2, "bubblewrap", "")
    assert all(checks().values())
    with with_redis.store.transaction() as connection:  # silent for a while
        connection.execute(update(worker_presence).values(seen_at=seconds_from_now(-61)))
    assert checks() == nobody


def test_not_ready_without_redis(here: Site) -> None:
    answer = httpx.get(f"{here.url}/readyz")  # its Redis URL leads nowhere, or to another
    assert answer.status_code == 503


def test_slots_of_workers_are_in_the_metrics(here: Site, api: httpx.Client) -> None:
    Presence(here.store.engine).report("w1", list(Queue), 4, "", "none works")
    found = scrape(api)
    assert found["repair_workers", ()] == 1
    assert found["repair_worker_slots", ()] == 4
    assert found["repair_workers_without_sandbox", ()] == 1


def test_metrics_need_a_token(here: Site) -> None:
    here.token(Scope.READ)
    assert httpx.get(f"{here.url}/metrics").status_code == 401
