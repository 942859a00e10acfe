"""A worker's process from its start to its end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.otlp_collector import Collector, attributes, running_collector
from tests.support.services import RedisServer
from tests.support.store_case import a_request
from workers.config import ServiceSettings
from workers.queue.app import make_app
from workers.queue.broker import Broker
from workers.records import JobState, Queue
from workers.store.scheduling.presence import Presence
from workers.store.store import Store

SECONDS = 90.0
PROGRAM = """
import sys, time
from pathlib import Path
from agent.records import RepairResult, Status
from workers.config import ServiceSettings
from workers.records import Queue
from workers.queue import worker
from workers.queue.execution.job_worker import FinishedRun

def hang(*_):
    while not Path(sys.argv[1]).exists():
        time.sleep(0.05)
    return "found at last", ""

def nothing(task):
    result = RepairResult(run_id=task.job.id, status=Status.REPAIRED, reason="nothing done")
    return FinishedRun(result=result, result_json="{}", patch=None)

worker.probe = hang
worker.serve(ServiceSettings(), list(Queue), 1, nothing)
"""


def wait(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def settings(tmp_path: Path, redis_server: RedisServer) -> ServiceSettings:
    redis_server.client().flushall()
    return ServiceSettings(state_dir=tmp_path, redis_url=redis_server.url)


@pytest.fixture
def engine_answers(tmp_path: Path) -> Path:
    """While this file is missing, a probe of the sandbox hangs."""
    return tmp_path / "answers"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with running_collector() as server:
        yield server


@pytest.fixture
def worker(
    settings: ServiceSettings, store: Store, engine_answers: Path, collector: Collector
) -> Iterator[subprocess.Popen[bytes]]:
    own = {
        "REPAIR_STATE_DIR": str(settings.state_dir),
        "REPAIR_REDIS_URL": settings.redis_url,
        "REPAIR_OTLP_ENDPOINT": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": str(10 * 1000 * int(SECONDS)),  # only what the end sends
    }
    argv = [sys.executable, "-c", PROGRAM, str(engine_answers)]
    process = subprocess.Popen(argv, env={**os.environ, **own})
    yield process
    process.kill()
    process.wait()


@pytest.mark.slow
def test_it_takes_jobs_while_its_engine_hangs_and_signs_off(
    settings: ServiceSettings,
    store: Store,
    engine_answers: Path,
    collector: Collector,
    worker: subprocess.Popen[bytes],
) -> None:
    presence = Presence(store.engine)
    wait(lambda: bool(presence.here()))
    assert [(one.sandbox, one.trouble) for one in presence.here()] == [("", "not probed yet")]
    job_id = store.submit(a_request()).job.id
    broker = Broker(make_app(settings))
    broker.hint(Queue.INTERACTIVE, [job_id])
    broker.close()
    wait(lambda: store.job(job_id).state is JobState.ENDED)
    engine_answers.touch()
    wait(lambda: [one.sandbox for one in presence.here()] == ["found at last"])
    worker.terminate()
    assert worker.wait(SECONDS) == 0
    assert presence.here() == []
    assert [attributes(span)["repair.job_id"] for span in collector.spans] == [job_id]
