"""The endpoint over the tiny model, read back with the `openai` client and with our own."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.model_extra import require_model_extra

require_model_extra()

import torch  # noqa: E402
import uvicorn  # noqa: E402

from agent.model.base import (  # noqa: E402
    FinishReason,
    GenerationParams,
    Message,
    TokenEvent,
    ToolChoice,
)
from agent.model.errors import (  # noqa: E402
    ContextWindowExceeded,
    RequestRefused,
)
from agent.model.remote import RemoteModel  # noqa: E402
from agent.model.server import ModelServer  # noqa: E402
from agent.model.transformers_engine import TransformersModel  # noqa: E402
from tests.qwen_format import TOOLS  # noqa: E402
from tests.tiny_model import build_tiny_model  # noqa: E402

KEY = "for-tests"
ASK = [Message(role="user", content="Which way?")]
HELLO: list[Any] = [{"role": "user", "content": "Hello"}]
PICK: Any = {
    "type": "function",
    "function": {
        "name": "pick",
        "description": "Pick one.",
        "parameters": {
            "type": "object",
            "properties": {"which": {"type": "string", "enum": ["left", "right"]}},
            "required": ["which"],
        },
    },
}


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TransformersModel]:
    torch.set_num_threads(1)
    folder = build_tiny_model(tmp_path_factory.mktemp("tiny"))
    model = TransformersModel.load(str(folder), context_window=1024)
    yield model
    model.close()


@pytest.fixture(scope="module")
def url(local: TransformersModel) -> Iterator[str]:
    config = uvicorn.Config(ModelServer(local, api_key=KEY).app(), port=0, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/v1"
    server.should_exit = True
    thread.join()


@pytest.fixture
def client(url: str) -> Iterator[Any]:
    openai = pytest.importorskip("openai", reason="the openai client is not installed")
    with openai.OpenAI(base_url=url, api_key=KEY, max_retries=0) as made:
        yield made


@pytest.fixture
def remote(url: str) -> Iterator[RemoteModel]:
    model = RemoteModel(url, api_key=KEY)
    yield model
    model.close()


def test_models_and_health(client: Any, url: str) -> None:
    (listed,) = client.models.list().data
    assert listed.max_model_len == 1024
    assert httpx.get(url.removesuffix("/v1") + "/health").json()["status"] == "ok"


def test_an_answer_with_reasoning_and_usage(client: Any) -> None:
    answer = client.chat.completions.create(
        model="any",
        messages=HELLO,
        n=2,
        max_tokens=90,
        seed=1,
        extra_body={"top_k": 10, "thinking_token_budget": 8},
    )
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert answer.choices[0].message.reasoning_content.endswith("directly now.")
    assert answer.usage.completion_tokens == 180
    assert 0 < answer.usage.completion_tokens_details.reasoning_tokens < 180
    assert answer.choices[0].finish_reason == "length"


def test_a_streamed_answer_is_the_whole_answer(client: Any) -> None:
    asked: dict[str, Any] = {
        "model": "any",
        "messages": HELLO,
        "max_tokens": 90,
        "seed": 2,
        "extra_body": {"thinking_token_budget": 8},
    }
    whole = client.chat.completions.create(**asked).choices[0].message
    chunks = list(
        client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True})
    )
    deltas = [choice.delta for chunk in chunks for choice in chunk.choices]
    thought = "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas)
    said = "".join(delta.content or "" for delta in deltas)
    assert thought.strip() == whole.reasoning_content
    assert said.strip() == whole.content.strip()
    assert chunks[-1].usage.completion_tokens == 90
    assert chunks[-2].choices[0].finish_reason == "length"


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_call(client: Any, stream: bool) -> None:
    answer = client.chat.completions.create(
        model="any",
        messages=HELLO,
        tools=[PICK],
        tool_choice="required",
        max_tokens=200,
        stream=stream,
        extra_body={"chat_template_kwargs": {"enable_thinking": False}},
    )
    if stream:
        chunks = list(answer)
        calls = [c for k in chunks for choice in k.choices for c in choice.delta.tool_calls or []]
        assert chunks[-1].choices[0].finish_reason == "tool_calls"
    else:
        calls = answer.choices[0].message.tool_calls
    (call,) = calls
    assert call.function.name == "pick"
    assert json.loads(call.function.arguments)["which"] in ("left", "right")
    history = [
        *HELLO,
        {"role": "assistant", "content": None, "tool_calls": [call.model_dump()]},
        {"role": "tool", "tool_call_id": call.id, "content": "ok"},
    ]
    again = client.chat.completions.create(model="any", messages=history, max_tokens=5)
    assert again.usage.prompt_tokens > 10


def test_our_own_client_gets_what_the_model_says(
    remote: RemoteModel, local: TransformersModel
) -> None:
    params = GenerationParams(max_tokens=90, seed=3, thinking_budget=8)
    seen: list[TokenEvent] = []
    served = remote.generate(ASK, TOOLS, params, 2, on_token=seen.append)
    here = local.generate(ASK, TOOLS, params, 2)
    assert [c.message.content for c in served] == [c.message.content for c in here]
    assert [c.message.reasoning for c in served] == [c.message.reasoning for c in here]
    assert served[0].usage.prompt_tokens == here[0].usage.prompt_tokens
    assert {event.index for event in seen} == {0, 1}
    assert remote.context_window == 1024


def test_a_constrained_call_through_both_ends(remote: RemoteModel) -> None:
    params = GenerationParams(
        max_tokens=200, thinking=False, tool_choice=ToolChoice.REQUIRED, seed=1
    )
    tools = [tool for tool in TOOLS if tool.name == "submit"]
    (answer,) = remote.generate(ASK, tools, params)
    assert answer.finish_reason is FinishReason.TOOL_CALLS
    assert answer.message.tool_calls[0].name == "submit"


def test_scores_through_both_ends(remote: RemoteModel, local: TransformersModel) -> None:
    continuations = [" left", " right way"]
    assert remote.score("go", continuations) == pytest.approx(local.score("go", continuations))
    assert remote.score(ASK, continuations) == pytest.approx(local.score(ASK, continuations))


def test_many_clients_at_once(remote: RemoteModel) -> None:
    answers: list[str] = []

    def ask(seed: int) -> None:
        params = GenerationParams(max_tokens=12, seed=seed, thinking=False)
        answers.extend(c.message.content for c in remote.generate(ASK, (), params))

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 12


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_ends_its_generation(
    url: str, local: TransformersModel, stream: bool
) -> None:
    # With this seed the tiny model does not end by itself before the client is gone.
    body = {"messages": HELLO, "max_tokens": 900, "stream": stream, "seed": 2}
    headers = {"authorization": f"Bearer {KEY}"}
    with httpx.Client(timeout=httpx.Timeout(20.0, read=20.0 if stream else 0.3)) as client:
        if stream:
            with client.stream("POST", f"{url}/chat/completions", json=body, headers=headers) as r:
                next(r.iter_lines())
        else:
            with pytest.raises(httpx.ReadTimeout):
                client.post(f"{url}/chat/completions", json=body, headers=headers)
    deadline = time.monotonic() + 20
    while local._engine._work.batch.rows and time.monotonic() < deadline:
        time.sleep(0.02)
    assert local._engine._work.batch.rows == []


def test_too_long_a_prompt(remote: RemoteModel) -> None:
    with pytest.raises(ContextWindowExceeded) as caught:
        remote.generate([Message(role="user", content="a b " * 900)], (), GenerationParams())
    assert caught.value.window == 1024
    assert (caught.value.tokens or 0) > 1024


def test_a_wrong_key(url: str) -> None:
    stranger = RemoteModel(url, api_key="guess")
    with pytest.raises(RequestRefused, match="API key"):
        stranger.generate(ASK, (), GenerationParams())
    stranger.close()


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("{", "not JSON"),
        ("[]", "must be a JSON object"),
        ({}, "messages must be a list"),
        ({"messages": [1]}, "must be a JSON object"),
        ({"messages": [{"role": "king"}]}, "role 'king'"),
        ({"messages": [{"role": "user", "content": 3}]}, "content must be"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "text only"),
        ({"messages": HELLO, "n": 0}, "n must be"),
        ({"messages": HELLO, "temperature": 0}, "greedy"),
        ({"messages": HELLO, "temperature": "hot"}, "must be a number"),
        ({"messages": HELLO, "stop": [1]}, "stop must be"),
        ({"messages": HELLO, "tools": [{}]}, "function must be"),
        ({"messages": HELLO, "tool_choice": "required"}, "not among"),
        ({"messages": HELLO, "tool_choice": "maybe"}, "not known"),
        ({"messages": HELLO, "response_format": {"type": "json"}}, "not supported"),
        ({"messages": [*HELLO, {"role": "system", "content": "late"}]}, "template refuses"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"function": {"arguments": "{"}}]}]},
            "not JSON",
        ),
    ],
)
def test_bad_requests_are_explained(url: str, body: Any, says: str) -> None:
    data = body if isinstance(body, str) else json.dumps(body)
    answer = httpx.post(
        f"{url}/chat/completions", content=data, headers={"authorization": f"Bearer {KEY}"}
    )
    assert answer.status_code == 400
    assert says in answer.json()["error"]["message"]


def test_a_model_that_broke_is_unavailable(url: str, local: TransformersModel) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("CUDA error")

    hook = local._model.register_forward_pre_hook(broken)
    for stream in (False, True):
        answer = httpx.post(
            f"{url}/chat/completions",
            json={"messages": HELLO, "stream": stream},
            headers={"authorization": f"Bearer {KEY}"},
        )
        assert answer.status_code == 503
        assert "CUDA error" in answer.json()["error"]["message"]
    hook.remove()
