"""What every model backend must do, asked of each of them."""

from __future__ import annotations

import importlib.util
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.model.base import (
    FinishReason,
    GenerationParams,
    Message,
    ModelBackend,
    TokenEvent,
    Tool,
)
from agent.model.openai_api.client import RemoteModel
from agent.model.scripted import Recorder, ScriptedModel
from tests.support.qwen_format import TOOLS
from tests.support.stand_in_server import delta, stand_in_server, stream

ASK = [Message(role="system", content="Be brief."), Message(role="user", content="Look around.")]
PARAMS = GenerationParams(max_tokens=48, seed=7, thinking_budget=8)
CALL = {"name": "bash", "arguments": {"command": "  ls\n"}}
LINE = {"reasoning": "hm", "content": "ok", "tool_calls": [CALL], "usage": {"prompt_tokens": 9}}
SCRIPT = "\n".join([json.dumps(LINE)] * 40)
HAS_MODEL_EXTRA = importlib.util.find_spec("torch") or os.environ.get("REPAIR_TEST_MODEL") == "1"


def scripted(folder: Path) -> Iterator[ModelBackend]:
    (folder / "s").write_text(SCRIPT)
    yield ScriptedModel(folder / "s")


def recorder(folder: Path) -> Iterator[ModelBackend]:
    (folder / "s").write_text(SCRIPT)
    yield Recorder(ScriptedModel(folder / "s"), folder / "r")


def remote(_: Path) -> Iterator[ModelBackend]:
    call = {
        "index": 0,
        "id": "c",
        "function": {"name": "bash", "arguments": json.dumps(CALL["arguments"])},
    }
    events = (delta(reasoning="hm"), delta(content="ok"), delta(tool_calls=[call]))
    with stand_in_server(
        stream(*events, delta(finish="tool_calls"), {"usage": {"prompt_tokens": 9}})
    ) as server:
        yield RemoteModel(server.url)


def transformers(folder: Path) -> Iterator[ModelBackend]:
    import torch

    from agent.model.local.backend import TransformersModel
    from tests.support.tiny_model import build_tiny_model

    torch.set_num_threads(1)
    yield TransformersModel.load(str(build_tiny_model(folder)))


needs_extra = pytest.mark.skipif(not HAS_MODEL_EXTRA, reason="the `model` extra is not installed")
BACKENDS = [scripted, recorder, remote, pytest.param(transformers, marks=needs_extra)]


@pytest.fixture(params=BACKENDS)
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ModelBackend]:
    for made in request.param(tmp_path):
        yield made
        made.close()
        made.close()


@pytest.mark.parametrize("n", [1, 3])
def test_n_whole_completions(model: ModelBackend, n: int) -> None:
    completions = model.generate(ASK, TOOLS, PARAMS, n)
    assert len(completions) == n
    for completion in completions:
        assert completion.message.role == "assistant"
        assert completion.finish_reason in set(FinishReason)
        usage = completion.usage
        assert usage.prompt_tokens > 0
        assert 0 <= usage.cached_tokens <= usage.prompt_tokens
        assert 0 <= usage.reasoning_tokens <= max(usage.completion_tokens, 0)
        called = completion.finish_reason is FinishReason.TOOL_CALLS
        assert called <= bool(completion.message.tool_calls)


def test_an_answer_can_be_sent_back_with_a_tool_result(model: ModelBackend) -> None:
    (first,) = model.generate(ASK, TOOLS, PARAMS)
    calls = first.message.tool_calls
    answers = [Message(role="tool", content="done", tool_call_id=c.call_id) for c in calls]
    goes_on = answers or [Message(role="user", content="Go on.")]
    (second,) = model.generate([*ASK, first.message, *goes_on], TOOLS, PARAMS)
    assert second.message.role == "assistant"


def test_thinking_is_kept_and_told_apart(model: ModelBackend) -> None:
    seen: list[TokenEvent] = []
    (completion,) = model.generate(ASK, TOOLS, PARAMS, on_token=seen.append)
    assert completion.message.reasoning
    assert "<think>" not in completion.message.content
    thought = "".join(event.text for event in seen if event.reasoning)
    assert thought.strip().startswith(completion.message.reasoning[:1])
    assert {event.index for event in seen} == {0}


def test_a_cancelled_request_says_so(model: ModelBackend) -> None:
    cancel = threading.Event()
    cancel.set()
    completions = model.generate(ASK, TOOLS, PARAMS, 2, cancel=cancel)
    assert [c.finish_reason for c in completions] == [FinishReason.CANCELLED] * 2


def test_callers_at_once(model: ModelBackend) -> None:
    said: list[str] = []

    def ask() -> None:
        said.extend(c.finish_reason for c in model.generate(ASK, TOOLS, PARAMS))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said) == 4


def test_it_says_who_it_is_and_how_much_it_holds(model: ModelBackend) -> None:
    assert ":" in model.name
    assert model.context_window >= 1024


def test_it_answers_without_tools(model: ModelBackend) -> None:
    no_tools: list[Tool] = []
    (completion,) = model.generate(ASK, no_tools, PARAMS)
    assert completion.message.content or completion.message.reasoning
