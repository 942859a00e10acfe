"""The engine when the device's memory runs out: everybody gets an answer, or hears why not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.model_extra import require_model_extra

require_model_extra()

import torch  # noqa: E402

from agent.model.base import FinishReason, GenerationParams, Message, TokenEvent  # noqa: E402
from agent.model.engine_settings import EngineSettings  # noqa: E402
from agent.model.errors import ModelDoesNotFit, ModelUnavailable  # noqa: E402
from agent.model.local.backend import TransformersModel  # noqa: E402
from tests.support.failing_memory import FailingMemory, failing_memory, inside  # noqa: E402
from tests.support.tiny_model import build_tiny_model  # noqa: E402

ASK = [Message(role="user", content="Which way?")]
OTHER = [Message(role="user", content="Another, longer question: how many words are there?")]
CONTINUATIONS = [" a b", " c d e", " f g", " h"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return build_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def models(checkpoint: Path) -> Iterator[Any]:
    made: list[TransformersModel] = []

    def make(**settings: Any) -> TransformersModel:
        made.append(TransformersModel.load(str(checkpoint), settings=EngineSettings(**settings)))
        return made[-1]

    yield make
    for model in made:
        model.close()


@pytest.fixture
def memory() -> Iterator[FailingMemory]:
    with failing_memory() as made:
        yield made


def params(seed: int = 1, **keywords: Any) -> GenerationParams:
    return GenerationParams(**{"max_tokens": 6, "seed": seed, "thinking": False, **keywords})


def said(model: TransformersModel, *question: Any, **keywords: Any) -> list[str]:
    answers = model.generate(question[0], (), *question[1:], **keywords)
    return [answer.message.content for answer in answers]


def everything(model: TransformersModel) -> list[Any]:
    """Several clients at once: two answers, one that streams, scores, and one who leaves."""
    left, pieces = threading.Event(), list[TokenEvent]()
    left.set()
    with ThreadPoolExecutor(4) as pool:
        two = pool.submit(said, model, ASK, params(max_tokens=4), n=2)
        streamed = pool.submit(said, model, OTHER, params(7), on_token=pieces.append)
        scores = pool.submit(model.score, "x", CONTINUATIONS)
        gone = pool.submit(model.generate, ASK, (), params(3), cancel=left)
        (cancelled,) = gone.result()
        answers = [outcome(two), outcome(streamed), outcome(scores)]
    assert cancelled.finish_reason is FinishReason.CANCELLED
    if isinstance(answers[1], list):
        heard = "".join(piece.text for piece in pieces)
        assert answers[1][0].startswith(heard.strip().rstrip("\ufffd"))
    return answers


def outcome(asked: Future[Any]) -> object:
    """What a caller got; of the errors only the one that is allowed here."""
    try:
        got = asked.result()
    except ModelDoesNotFit:
        return ModelDoesNotFit
    return [round(part, 2) if isinstance(part, float) else part for part in got]


@pytest.fixture(scope="module")
def expected(checkpoint: Path) -> list[Any]:
    """What all of them get where there is enough memory."""
    model = TransformersModel.load(str(checkpoint))
    try:
        return everything(model)
    finally:
        model.close()


READ, SAMPLE = "PromptReader.advance", "Scheduler._start"
JOIN, STEP, LEAVE = "DecodeBatch.join", "DecodeBatch.step", "DecodeBatch.leave"
KEEP, SCORE = "Scheduler._keep", "ScoringRun.step"


@pytest.mark.slow
@pytest.mark.parametrize(
    "places",
    [
        (READ,),
        (SAMPLE,),
        (JOIN,),
        (STEP,),
        ("RoomyLayer.update",),
        ("next_tokens",),
        (KEEP,),
        (LEAVE,),
        (SCORE,),
    ],
)
def test_wherever_the_memory_runs_out_everybody_gets_the_same_answer(
    models: Any, memory: FailingMemory, expected: list[Any], places: tuple[str, ...]
) -> None:
    model = models()
    memory.refuse_in(*places)
    assert everything(model) == expected
    assert memory.refused >= 1
    memory.refuse = lambda: False
    assert everything(model) == expected
    assert model.health().works


@pytest.mark.slow
@pytest.mark.parametrize(
    "places",
    [
        (STEP, READ, SAMPLE, JOIN, STEP),
        (READ, READ, READ),
        (JOIN, JOIN, LEAVE),
        (SCORE, SCORE, SCORE, READ, SCORE),
        (KEEP, LEAVE, READ, KEEP),
    ],
)
def test_memory_that_runs_out_again_and_again_loses_nobody(
    models: Any, memory: FailingMemory, expected: list[Any], places: tuple[str, ...]
) -> None:
    model = models()
    memory.refuse_in(*places)
    got = everything(model)
    assert all(one in (right, ModelDoesNotFit) for one, right in zip(got, expected, strict=True))
    assert memory.refused >= 2
    memory.refuse = lambda: False
    assert everything(model) == expected


def test_any_single_operation_may_fail(
    models: Any, memory: FailingMemory, expected: list[Any]
) -> None:
    model = models(cache_bytes=0)
    everything(model)
    total = memory.operations
    for operation in range(1, total, total // 12):
        memory.refuse_at(operation)
        assert everything(model) == expected
    assert memory.refused >= 10


def test_what_can_never_join_ends_with_an_error_and_not_in_a_circle(
    models: Any, memory: FailingMemory
) -> None:
    model = models()
    memory.refuse = lambda: inside(JOIN)
    for max_rows in (16, 1):
        model = models(max_rows=max_rows)
        with pytest.raises(ModelDoesNotFit, match="single request of"):
            model.generate(ASK, (), params(), n=2)
    memory.refuse = lambda: False
    assert said(model, ASK, params())


def refusing_long_prompts(model: TransformersModel, error: Exception) -> None:
    def check(_: Any, __: Any, kwargs: Any) -> None:
        if kwargs["input_ids"].shape[1] > 100:
            raise error

    model._model.register_forward_pre_hook(check, with_kwargs=True)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), ModelDoesNotFit),
        (RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling"), ModelDoesNotFit),
        (ValueError("a shape that cannot be"), ModelUnavailable),
    ],
)
def test_a_request_that_cannot_be_served_takes_no_other_along(
    models: Any, error: Exception, told: type[Exception]
) -> None:
    roomy, model = models(), models()
    refusing_long_prompts(model, error)
    long = [Message(role="user", content="many words " * 200)]
    begun = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        asked = params(max_tokens=200)
        running = pool.submit(said, model, ASK, asked, on_token=lambda _: begun.set())
        assert begun.wait(60)
        with pytest.raises(told):
            model.generate(long, (), params(), n=2)
        assert running.result() == said(roomy, ASK, asked)
    assert said(model, OTHER, params()) == said(roomy, OTHER, params())


@pytest.mark.slow
def test_one_of_several_answers_that_no_longer_fits_ends_them_all(
    models: Any, memory: FailingMemory
) -> None:
    model = models(max_rows=1, cache_bytes=0)
    joined = 0

    def later_joins() -> bool:
        nonlocal joined
        joined += inside("DecodeBatch.step")
        return joined > 0 and inside(JOIN)

    memory.refuse = later_joins
    with pytest.raises(ModelDoesNotFit):
        model.generate(ASK, (), params(), n=3)
    memory.refuse = lambda: False
    assert said(model, ASK, params())
    assert not len(model._engine._work.queue)


def test_an_answer_dropped_while_memory_is_short_does_not_end_the_thread(
    models: Any, memory: FailingMemory
) -> None:
    roomy, model = models(), models()
    asked = params(max_tokens=120)
    leave, begun = threading.Event(), threading.Event()
    memory.refuse_in("Scheduler._drop_cancelled", LEAVE)
    with ThreadPoolExecutor(2) as pool:
        staying = pool.submit(said, model, ASK, asked, on_token=lambda _: begun.set())
        leaving = pool.submit(
            model.generate,
            OTHER,
            (),
            params(max_tokens=3000),
            on_token=lambda _: leave.set() if begun.is_set() else None,
            cancel=leave,
        )
        assert leaving.result()[0].finish_reason is FinishReason.CANCELLED
        assert staying.result() == said(roomy, ASK, asked)
    assert memory.refused == 2
    assert model.health().works


def test_the_number_of_answers_at_once_comes_back(models: Any) -> None:
    model = models(max_rows=4, cache_bytes=0)
    widths: list[int] = []

    def once(_: Any, __: Any, kwargs: Any) -> None:
        widths.append(kwargs["input_ids"].shape[0])
        if widths.count(4) == 1 and widths[-1] == 4:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    model._model.register_forward_pre_hook(once, with_kwargs=True)
    model.generate(ASK, (), params(max_tokens=2), n=4)
    health = model.health()
    assert (health.status, health.works) == ("short of memory", True)
    assert "of 4 answers at once" in health.reason
    model.generate(ASK, (), params(max_tokens=100), n=4)
    assert model.health().status == "ok"
    model.generate(ASK, (), params(max_tokens=3), n=4)
    assert widths[-1] == 4


def test_a_broken_device_ends_the_engine_and_everybody_is_told(models: Any) -> None:
    model = models(max_rows=1)
    entered, go_on = threading.Event(), threading.Event()

    def broken(*_: Any) -> None:
        entered.set()
        go_on.wait(60)
        raise RuntimeError("CUDA error: device-side assert")

    model._model.register_forward_pre_hook(broken)
    stopped = threading.Event()
    model.when_stopped(stopped.set)
    assert model.health().status == "ok"
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(model.generate, ASK, (), params())
        assert entered.wait(60)
        others = [pool.submit(model.generate, ASK, (), params()) for _ in range(2)]
        wait_until(lambda: model._engine._asked.qsize() == 2)
        go_on.set()
        for future in (first, *others):
            with pytest.raises(ModelUnavailable, match="device-side assert"):
                future.result()
    assert stopped.wait(60)
    health = model.health()
    assert (health.status, health.works) == ("stopped", False)
    assert "device-side assert" in health.reason
    with pytest.raises(ModelUnavailable, match="restart it"):
        model.generate(ASK, (), params())


def test_work_that_stands_still_is_no_health(models: Any) -> None:
    model = models(stall_seconds=0)
    entered, go_on = threading.Event(), threading.Event()

    def hang(*_: Any) -> None:
        entered.set()
        go_on.wait(60)

    hook = model._model.register_forward_pre_hook(hang)
    assert model.health().works
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(said, model, ASK, params())
        assert entered.wait(60)
        health = model.health()
        go_on.set()
        assert asked.result()
    hook.remove()
    assert (health.status, health.works) == ("stalled", False)
    wait_until(lambda: model.health().works)


def test_scores_that_wait_are_dropped_when_nobody_wants_them(models: Any) -> None:
    model = models()
    entered, go_on, cancel = threading.Event(), threading.Event(), threading.Event()
    rows: list[int] = []

    def hold(_: Any, __: Any, kwargs: Any) -> None:
        rows.append(kwargs["input_ids"].shape[1])
        entered.set()
        go_on.wait(60)

    model._model.register_forward_pre_hook(hold, with_kwargs=True)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(model.score, "x", CONTINUATIONS)
        assert entered.wait(60)
        second = pool.submit(model.score, "many words " * 60, CONTINUATIONS, cancel=cancel)
        wait_until(lambda: model._engine._asked.qsize() == 1)
        cancel.set()
        go_on.set()
        with pytest.raises(Exception, match="cancelled"):
            second.result()
        assert len(first.result()) == 4
    assert max(rows) < 60


def test_no_answers_at_all_are_given_at_once(models: Any) -> None:
    assert said(models(), ASK, params(), n=0) == []


def wait_until(so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not so() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert so()
