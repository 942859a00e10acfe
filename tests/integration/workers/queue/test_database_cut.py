"""A database that goes away for a moment costs no generation, no checkpoint and no crash."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypedDict

import pytest
from langgraph.graph import END, START, StateGraph
from sqlalchemy import update

from agent.model.base import Completion, FinishReason, GenerationParams, Message, Usage
from agent.records import Status
from tests.support.services import PostgresServer, RedisServer, postgres_at
from tests.support.store_case import a_request, a_result
from workers.config import ServiceSettings
from workers.queue.app import make_app
from workers.queue.broker import Broker
from workers.queue.execution.job_worker import FinishedRun, JobWorker, Task
from workers.queue.sweeper import Sweeper
from workers.records import Claim, Job, JobState
from workers.store.clock import seconds_from_now
from workers.store.store import Store
from workers.store.tables import jobs

MODEL = "http://127.0.0.1:9/v1"
"""Never called: the models here answer by themselves."""
ANSWER = Message(role="assistant", content="an hour's work")


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_at("127.0.0.1") as running:
        yield running


@pytest.fixture
def settings(server: PostgresServer, redis_server: RedisServer, tmp_path: Path) -> ServiceSettings:
    return ServiceSettings(
        state_dir=tmp_path,
        database_url=server.database(),
        redis_url=redis_server.url,
        model_url=MODEL,
        model_slots=1,
        sweep_seconds=1e-9,
    )


class Answering:
    """A model that does something while it answers."""

    name = "answering"
    context_window = 1000

    def __init__(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        self._meanwhile = meanwhile

    def generate(self, *_: object, **__: object) -> list[Completion]:
        self._meanwhile()
        usage = Usage(prompt_tokens=5, completion_tokens=7)
        return [Completion(message=ANSWER, finish_reason=FinishReason.STOP, usage=usage)]

    def close(self) -> None:
        return None


def carried_out(
    store: Store, settings: ServiceSettings, ask: Callable[[Task], list[Completion]]
) -> tuple[Claim, Job]:
    """A job that asks the model once, and ends repaired where it has an answer."""

    def run(task: Task) -> FinishedRun:
        answers = ask(task)
        assert [one.message for one in answers] == [ANSWER]
        return FinishedRun(result=a_result(task.job.id), result_json="{}", patch=None)

    claim = store.claim(store.submit(a_request()).job.id, "w1")
    assert claim is not None
    JobWorker(store, settings, run).carry_out(claim)
    return claim, store.job(claim.job.id)


def test_what_was_generated_while_the_database_went_away_is_kept(
    server: PostgresServer, store: Store, settings: ServiceSettings
) -> None:
    def ask(task: Task) -> list[Completion]:
        model = task.around_model(Answering(lambda: server.stop("immediate")))
        try:
            return model.generate([], [], GenerationParams())
        finally:
            server.start()

    _, job = carried_out(store, settings, ask)
    assert (job.state, job.outcome, job.crashes) == (JobState.ENDED, Status.REPAIRED, 0)
    assert job.tokens == 7
    other = store.claim(store.submit(a_request()).job.id, "w2")
    assert other is not None
    assert store.take_slot(other, MODEL, 1) == 0, "the place was given back"


def test_a_generation_waits_for_the_database(
    server: PostgresServer, store: Store, settings: ServiceSettings
) -> None:
    def ask(task: Task) -> list[Completion]:
        server.stop("immediate")
        back = threading.Thread(target=server.start)
        back.start()
        try:
            return task.around_model(Answering()).generate([], [], GenerationParams())
        finally:
            back.join()

    _, job = carried_out(store, settings, ask)
    assert (job.state, job.crashes) == (JobState.ENDED, 0)


class Walk(TypedDict):
    steps: list[str]


def test_a_checkpoint_is_written_on_a_new_connection(server: PostgresServer, store: Store) -> None:
    def step(state: Walk) -> Walk:
        if len(state["steps"]) == 1:
            server.stop("immediate")
            server.start()
        return {"steps": [*state["steps"], "one"]}

    graph = StateGraph(Walk)
    for before, name in ((START, "a"), ("a", "b"), ("b", "c")):
        graph.add_node(name, step)
        graph.add_edge(before, name)
    graph.add_edge("c", END)
    claim = store.claim(store.submit(a_request()).job.id, "w1")
    assert claim is not None
    config = {"configurable": {"thread_id": claim.job.id}}
    with store.checkpoints(claim)() as saver:
        walk = graph.compile(checkpointer=saver)
        walk.invoke({"steps": []}, config, durability="sync")  # type: ignore[call-overload]
        server.stop("immediate")
        server.start()
        assert walk.get_state(config).values["steps"] == ["one"] * 3  # type: ignore[arg-type]


def expire(store: Store, job_id: str) -> None:
    with store.transaction() as connection:
        past = seconds_from_now(-1)
        connection.execute(update(jobs).where(jobs.c.id == job_id).values(lease_expires_at=past))


def test_a_lease_that_nobody_could_extend_is_no_crash(
    server: PostgresServer, store: Store, settings: ServiceSettings
) -> None:
    sweeper = Sweeper(store, Broker(make_app(settings)), settings)
    held = store.claim(store.submit(a_request()).job.id, "w1")
    assert held is not None
    server.stop("immediate")
    sweeper.turn()
    server.start()
    expire(store, held.job.id)
    sweeper.turn()
    job = store.job(held.job.id)
    assert (job.state, job.crashes) == (JobState.QUEUED, 0)
    assert "the database was away" in job.reason
    again = store.claim(held.job.id, "w2")
    assert again is not None
    expire(store, held.job.id)
    Sweeper(store, Broker(make_app(settings)), settings).turn()
    assert store.job(held.job.id).crashes == 1, "who saw no trouble blames the worker"
