"""The model's server is slow, or away: it is never asked by more at once than its places allow, and
the jobs wait."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.asking import QUESTIONS
from tests.faults.cluster import SWEEPER, Cluster
from tests.support.stand_in_server import Handler, delta, failure, stand_in_server, stream
from workers.records import JobState

ASKING_WORKER = (str(Path(__file__).with_name("asking.py")),)
PLACES = 2
JOBS = 12
GENERATION_SECONDS = 0.4
ANSWERED = stream(delta(content="the sign"), delta(finish="stop"))

MakeCluster = Callable[..., Cluster]


class SlowModel:
    """Takes its time, and counts how many it answers at once."""

    def __init__(self) -> None:
        self.most = self.answered = 0
        self._now = 0
        self._full = threading.Event()
        self._guard = threading.Lock()

    def __call__(self, handler: Handler, body: dict[str, Any]) -> None:
        with self._guard:
            self._now += 1
            self.most = max(self.most, self._now)
            if self._now == PLACES:
                self._full.set()
        self._full.wait(60)  # the first ones, for company
        threading.Event().wait(GENERATION_SECONDS)
        with self._guard:  # before the last byte: whoever has that may let the next one in
            self._now -= 1
            self.answered += 1
        ANSWERED(handler, body)


def test_no_more_generations_than_places_over_all_workers(
    make_cluster: MakeCluster, record_property: Callable[[str, object], None]
) -> None:
    model = SlowModel()
    with stand_in_server(model) as server:
        cluster = make_cluster(model_url=server.url, model_slots=str(PLACES))
        ids = [cluster.submit(0, f"r{number}") for number in range(JOBS)]
        for _ in range(2):
            cluster.add(*ASKING_WORKER, "3")
        cluster.add(*SWEEPER)
        cluster.wait(cluster.idle, 180)
    record_property("most_generations_at_once", f"{model.most} of {PLACES} allowed, 6 processes")
    assert model.most == PLACES
    assert model.answered == JOBS * QUESTIONS
    jobs = [cluster.store.job(one) for one in ids]
    assert {(job.state, job.attempts, job.crashes) for job in jobs} == {(JobState.ENDED, 1, 0)}


@pytest.mark.minutes
def test_while_the_model_is_away_jobs_wait_and_then_end(make_cluster: MakeCluster) -> None:
    with stand_in_server(failure(503)) as server:
        cluster = make_cluster(model_url=server.url, model_slots=str(PLACES), max_crashes="1")
        cluster.add(*ASKING_WORKER, "3")
        cluster.add(*SWEEPER)
        ids = [cluster.submit(0, f"r{number}") for number in range(4)]
        cluster.wait(lambda: all(cluster.store.job(one).waits for one in ids), 120)
        waiting = [cluster.store.job(one) for one in ids]
        assert all(job.state in (JobState.WAITING, JobState.RUNNING) for job in waiting)
        server.answers = [ANSWERED]
        cluster.wait(cluster.idle, 180)
    jobs = [cluster.store.job(one) for one in ids]
    assert {(job.state, job.crashes) for job in jobs} == {(JobState.ENDED, 0)}
