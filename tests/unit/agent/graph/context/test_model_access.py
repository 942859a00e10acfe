"""The model of a run: what is told of it, and how opening it ends."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from agent.config import Settings
from agent.events import Event, Progress
from agent.graph.context import model_access
from agent.graph.context.model_access import ModelAccess, unmetered
from agent.model.base import GenerationParams, Message
from agent.model.errors import GenerationCancelled
from agent.records import RepairJob
from agent.runs.stop import Interrupted
from tests.support.stand_in_server import delta, failure, stand_in_server, stream

ASK = [Message(role="user", content="hi")]


def access(job: RepairJob, stop: threading.Event, events: list[Event]) -> ModelAccess:
    return ModelAccess(job, Settings(), events.append, stop, unmetered)


def test_a_server_that_starts_anew_is_waited_for_and_the_run_tells() -> None:
    events: list[Event] = []
    said = stream(delta(content="yes"), delta(finish="stop"))
    with stand_in_server(failure(503, "loading", retry_after="0"), said) as server:
        job = RepairJob(run_id="r", target=".", model_url=server.url)
        opened = access(job, threading.Event(), events)
        (answer,) = opened.open().generate(ASK, (), GenerationParams())
        opened.close()
    assert answer.message.content == "yes"
    told = [event.text for event in events if isinstance(event, Progress)]
    assert "waiting for it, 0 s of at most 600 s" in told[0]
    assert told[1] == "model: the model server is back after 0 s"


def test_loading_ends_when_the_run_is_stopped_or_nobody_wants_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def load(*_: Any, **options: Any) -> Any:
        if options["cancelled"]():
            raise GenerationCancelled("loading was cancelled")
        stop.set()
        return load(**options)

    stop, unwanted = threading.Event(), threading.Event()
    monkeypatch.setattr(model_access, "open_model", load)
    opened = access(RepairJob(run_id="r", target=".", model="/weights"), stop, [])
    unwanted.set()
    with pytest.raises(GenerationCancelled):
        opened.open(unwanted)
    with pytest.raises(Interrupted):
        opened.open()
    with pytest.raises(Interrupted):
        opened.open()


def test_nobody_waits_longer_for_a_model_that_another_thread_loads_than_was_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loading, enough, unwanted = threading.Event(), threading.Event(), threading.Event()

    def load(*_: Any, **__: Any) -> Any:
        loading.set()
        assert enough.wait(60)
        raise GenerationCancelled("loading was cancelled")

    monkeypatch.setattr(model_access, "open_model", load)
    opened = access(RepairJob(run_id="r", target=".", model="/weights"), threading.Event(), [])
    ranker = ThreadPoolExecutor(1).submit(opened.open)
    assert loading.wait(60)
    unwanted.set()
    with pytest.raises(GenerationCancelled, match="nobody waits"):
        opened.open(unwanted)
    enough.set()
    with pytest.raises(GenerationCancelled, match="was cancelled"):
        ranker.result(60)
