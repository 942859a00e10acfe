"""The small parts of a worker."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from agent.events import Progress, SearchProgress, Warned
from agent.model.base import Completion, FinishReason, GenerationParams, Message, Usage
from agent.model.openai_api.client import RemoteModel
from sandbox.isolation.owner import this_process
from tests.support.stand_in_server import delta, failure, stand_in_server, stream
from workers.queue.execution.metered import Meter, MeteredModel
from workers.queue.execution.reporter import MAX_WAITING_EVENTS, Reporter
from workers.queue.names import my_name, process_of


def test_a_worker_is_known_by_its_process() -> None:
    assert process_of(my_name()) == this_process()
    for other in ("", "w1", "host/notapid/1", "host/1/", "a/b"):
        assert process_of(other) is None


def test_reports_on_the_search_are_thinned_and_their_count_is_kept() -> None:
    reporter = Reporter()
    for tried in range(100):
        reporter(SearchProgress(tried=tried, per_second=1.0, best=""))
    events = reporter.take()
    assert [event.kind for event in events] == ["search_progress"]
    assert reporter.candidates_tried == 99
    assert reporter.take() == []


def test_what_could_not_be_written_comes_first_again_and_weighty_events_are_kept() -> None:
    reporter = Reporter()
    reporter(Progress(text="first"))
    taken = reporter.take()
    for _ in range(MAX_WAITING_EVENTS + 10):
        reporter(Progress(text="more"))
    reporter(Warned(text="weighty"))
    reporter.give_back(taken)
    events = reporter.take()
    assert events[0].data["text"] == "first"
    assert events[-1].kind == "warned"
    assert len(events) == MAX_WAITING_EVENTS + 2


def test_the_meter_counts_tokens_and_the_time_at_the_model() -> None:

    passed: list[threading.Event | None] = []

    class Fixed:
        name = "fixed"
        context_window = 1000

        def generate(self, *_: object, **__: object) -> list[Completion]:
            message = Message(role="assistant", content="x")
            usage = Usage(prompt_tokens=5, completion_tokens=7)
            return [Completion(message=message, finish_reason=FinishReason.STOP, usage=usage)] * 2

        def close(self) -> None:
            passed.clear()

    @contextmanager
    def slots(cancel: threading.Event | None) -> Iterator[None]:
        passed.append(cancel)
        yield

    meter = Meter()
    model = MeteredModel(Fixed(), meter, slots)
    assert len(model.generate([], [], GenerationParams(), 2)) == 2
    assert meter.tokens == 14
    assert meter.gpu_seconds >= 0
    assert passed == [None]


def test_waiting_for_a_server_that_is_away_is_no_time_at_the_model() -> None:
    meter, said = Meter(), stream(delta(content="yes"), delta(finish="stop"))
    with stand_in_server(failure(503, "loading", retry_after="1"), said) as server:
        model = MeteredModel(RemoteModel(server.url), meter, _free)
        began = time.monotonic()
        model.generate([Message(role="user", content="hi")], (), GenerationParams())
        whole = time.monotonic() - began
        model.close()
    assert meter.gpu_seconds <= whole - 1.0


@contextmanager
def _free(_cancel: threading.Event | None) -> Iterator[None]:
    yield
