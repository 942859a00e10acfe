"""Checkpoints in the service's database: fenced, plain, and removed with their job."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypedDict

import pytest
from langgraph.graph import END, START, StateGraph
from sqlalchemy import text

from agent.errors import CheckpointDamaged
from agent.runs.checkpoints import Saver, keep_latest
from tests.support.store_case import DATABASES, a_request, new_database
from workers.errors import Fenced
from workers.records import Claim
from workers.store.checkpoints import CHECKPOINT_TABLES
from workers.store.database import open_engine
from workers.store.store import Store


@pytest.fixture(scope="module", params=DATABASES)
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    store = Store(open_engine(new_database(request, tmp_path_factory)))
    store.migrate()
    yield store
    store.close()


@pytest.fixture
def claim(store: Store, request: pytest.FixtureRequest) -> Claim:
    submitted = store.submit(a_request(f"r/{request.node.name}"))
    claim = store.claim(submitted.job.id, "w1")
    assert claim is not None
    return claim


class Count(TypedDict):
    number: int
    steps: list[str]


def counting(saver: Saver, stop_after: int = 99) -> Any:
    """A graph of three steps, which dies after one of them."""

    def step(state: Count) -> Count:
        if state["number"] == stop_after:
            raise InterruptedError
        return {"number": state["number"] + 1, "steps": [*state["steps"], "one"]}

    graph = StateGraph(Count)
    for name in ("a", "b", "c"):
        graph.add_node(name, step)
    graph.add_edge(START, "a")
    graph.add_edge("a", "b")
    graph.add_edge("b", "c")
    graph.add_edge("c", END)
    return graph.compile(checkpointer=saver)


def config_of(claim: Claim, part: str = "") -> Any:
    return {"configurable": {"thread_id": claim.job.id + part}}


def test_a_thread_goes_on_where_it_was(store: Store, claim: Claim) -> None:
    config = config_of(claim)
    with store.checkpoints(claim)() as saver, pytest.raises(InterruptedError):
        counting(saver, 2).invoke({"number": 0, "steps": []}, config, durability="sync")
    with store.checkpoints(claim)() as saver:
        assert counting(saver).get_state(config).values["number"] == 2
        done = counting(saver).invoke(None, config, durability="sync")
        keep_latest(saver, claim.job.id)
        kept = counting(saver).get_state(config).values
    assert done == kept == {"number": 3, "steps": ["one"] * 3}


def test_a_worker_that_lost_its_job_writes_no_checkpoint(store: Store, claim: Claim) -> None:
    config = config_of(claim)
    with store.checkpoints(claim)() as saver:
        graph = counting(saver)
        graph.invoke({"number": 0, "steps": []}, config, durability="sync")
        store.requeue(claim, "given to another")
        with pytest.raises(Fenced):
            graph.update_state(config, {"number": 99})
        with pytest.raises(Fenced):
            saver.delete_thread(claim.job.id)
        with pytest.raises(Fenced):
            graph.invoke({"number": 50, "steps": []}, config, durability="sync")
        assert graph.get_state(config).values["number"] == 3
    again = store.claim(claim.job.id, "w2")
    assert again is not None
    with store.checkpoints(again)() as saver:
        assert counting(saver).get_state(config).values["number"] == 3
        counting(saver).update_state(config, {"number": 4})


def test_retry_forgets_the_threads_of_a_job_and_no_other(store: Store, claim: Claim) -> None:
    other = store.submit(a_request()).job.id
    held = store.claim(other, "w1")
    assert held is not None
    for holder, part in ((claim, ""), (claim, ":agent:0"), (held, "")):
        with store.checkpoints(holder)() as saver:
            counting(saver).invoke({"number": 0, "steps": []}, config_of(holder, part))
    store.fail(claim, "broken", retryable=False)
    store.retry(claim.job.id)
    again = store.claim(claim.job.id, "w1")
    assert again is not None
    with store.checkpoints(again)() as saver:
        for part in ("", ":agent:0"):
            assert counting(saver).get_state(config_of(claim, part)).values == {}
        assert counting(saver).get_state(config_of(held)).values["number"] == 3


def test_a_tampered_checkpoint_runs_nothing(store: Store, claim: Claim, tmp_path: Any) -> None:
    """What LangGraph's own serializer would build, and in the worst case call."""
    config = config_of(claim)
    with store.checkpoints(claim)() as saver:
        counting(saver).invoke({"number": 0, "steps": []}, config, durability="sync")
    trap = tmp_path / "trap"
    payload = b"\x81\xa3lc2" + str(trap).encode()
    table, column = ("checkpoints", "checkpoint")
    if store.engine.dialect.name == "postgresql":
        table, column = ("checkpoint_blobs", "blob")
    assert table in CHECKPOINT_TABLES[store.engine.dialect.name]
    for kind in ("msgpack", "pickle", "json"):
        with store.transaction() as connection:
            connection.execute(
                text(f"UPDATE {table} SET type = :kind, {column} = :payload WHERE thread_id = :id"),
                {"kind": kind, "payload": payload, "id": claim.job.id},
            )
        with store.checkpoints(claim)() as saver, pytest.raises(CheckpointDamaged):
            counting(saver).get_state(config)
    assert not trap.exists()
