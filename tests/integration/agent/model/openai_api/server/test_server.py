"""The endpoint over the tiny model, read back with the `openai` client and with our own."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.model_extra import require_model_extra

require_model_extra()

import torch  # noqa: E402
import uvicorn  # noqa: E402

from agent.model.base import FinishReason, GenerationParams, Message, TokenEvent, ToolChoice  # noqa: E402
from agent.model.engine_settings import EngineSettings  # noqa: E402
from agent.model.errors import ContextWindowExceeded, RequestRefused  # noqa: E402
from agent.model.local.backend import TransformersModel  # noqa: E402
from agent.model.openai_api.client import RemoteModel  # noqa: E402
from agent.model.openai_api.server.server import ModelServer  # noqa: E402
from cli.apps.model import serve  # noqa: E402
from cli.exit_codes import ExitCode  # noqa: E402
from tests.support.qwen_format import TOOLS  # noqa: E402
from tests.support.tiny_model import build_tiny_model  # noqa: E402

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
    with listening(ModelServer(local, api_key=KEY)) as address:
        yield address


@contextmanager
def listening(model_server: ModelServer) -> Iterator[str]:
    config = uvicorn.Config(model_server.app(), port=0, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join()


@pytest.fixture
def narrow(tmp_path: Path) -> Iterator[TransformersModel]:
    """A model that generates one answer at a time, without end: all others wait."""
    folder = build_tiny_model(tmp_path, context_window=1 << 18)
    model = TransformersModel.load(str(folder), settings=EngineSettings(max_rows=1))
    letters = [i for t, i in model._tokenizer.get_vocab().items() if t.isascii() and t.isalpha()]

    def never_end(_: Any, __: Any, logits: Any) -> None:
        logits[..., letters] = 1e4 + 100 * torch.randn(len(letters))

    model._model.lm_head.register_forward_hook(never_end)
    yield model
    model.close()


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


LONG: dict[str, Any] = {"messages": HELLO, "max_tokens": 1 << 17, "stream": True}


def wait_until(so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not so() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert so()


def test_a_client_that_leaves_before_the_first_token_waits_no_longer(
    narrow: TransformersModel,
) -> None:
    work = narrow._engine._work
    with listening(ModelServer(narrow)) as url, httpx.Client(timeout=60) as client:
        with client.stream("POST", f"{url}/chat/completions", json=LONG) as running:
            lines = running.iter_lines()  # Dropping these would close the stream.
            next(lines)
            with pytest.raises(httpx.ReadTimeout):
                client.post(f"{url}/chat/completions", json=LONG, timeout=1.0)
            wait_until(lambda: len(work.queue) == 0)
            assert len(work.batch.rows) == 1
        wait_until(lambda: not work.batch.rows)


def test_streams_that_wait_keep_no_other_call_waiting(narrow: TransformersModel) -> None:
    async def many(url: str) -> tuple[Any, Any, int]:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(timeout=60, limits=limits) as client:
            streams = [
                asyncio.create_task(client.post(f"{url}/chat/completions", json=LONG))
                for _ in range(45)
            ]
            while len(narrow._engine._work.queue) < 44:
                await asyncio.sleep(0.02)
            body = {"prefix": "x", "continuations": [" a", " b c"]}
            scores = await client.post(f"{url}/score", json=body)
            health = await client.get(url.removesuffix("/v1") + "/health")
            ended = sum(stream.done() for stream in streams)
            for stream in streams:
                stream.cancel()
            await asyncio.gather(*streams, return_exceptions=True)
            return scores, health, ended

    with listening(ModelServer(narrow)) as url:
        scores, health, ended = asyncio.run(many(url))
        wait_until(narrow._engine._work.idle)
    assert len(scores.json()["scores"]) == 2
    assert health.json()["status"] == "ok"
    assert ended == 0


def test_more_calls_than_the_server_takes_are_told_to_come_again(
    narrow: TransformersModel,
) -> None:
    with listening(ModelServer(narrow, most_calls=1)) as url, httpx.Client(timeout=60) as client:
        with client.stream("POST", f"{url}/chat/completions", json=LONG) as running:
            lines = running.iter_lines()  # Dropping these would close the stream.
            next(lines)
            for path in ("chat/completions", "score"):
                body = {**LONG, "prefix": "x", "continuations": [" a"]}
                answer = client.post(f"{url}/{path}", json=body)
                assert answer.status_code == 429
                assert int(answer.headers["retry-after"]) > 0
                assert "come again" in answer.json()["error"]["message"]
        wait_until(narrow._engine._work.idle)
        body = {"messages": HELLO, "max_tokens": 3}
        wait_until(lambda: client.post(f"{url}/chat/completions", json=body).status_code == 200)


def test_health_says_when_requests_wait_and_nothing_is_done(tmp_path: Path) -> None:
    settings = EngineSettings(stall_seconds=0)
    model = TransformersModel.load(str(build_tiny_model(tmp_path)), settings=settings)
    entered, go_on = threading.Event(), threading.Event()

    def hang(*_: Any) -> None:
        entered.set()
        go_on.wait(60)

    model._model.register_forward_pre_hook(hang)
    with listening(ModelServer(model)) as url, ThreadPoolExecutor(1) as pool:
        health = url.removesuffix("/v1") + "/health"
        assert httpx.get(health).status_code == 200
        body = {"messages": HELLO, "max_tokens": 3}
        asked = pool.submit(httpx.post, f"{url}/chat/completions", json=body, timeout=60)
        assert entered.wait(60)
        stalled = httpx.get(health)
        go_on.set()
        assert asked.result().status_code == 200
    model.close()
    assert stalled.status_code == 503
    assert stalled.json()["status"] == "stalled"
    assert "nothing was done" in stalled.json()["reason"]


def test_a_model_that_broke_is_unavailable_and_says_so(tmp_path: Path) -> None:
    model = TransformersModel.load(str(build_tiny_model(tmp_path)))
    model._model.register_forward_pre_hook(broken)
    with listening(ModelServer(model)) as url:
        for stream in (False, True):
            body = {"messages": HELLO, "stream": stream}
            answer = httpx.post(f"{url}/chat/completions", json=body)
            assert answer.status_code == 503
            assert "CUDA error" in answer.json()["error"]["message"]
        wait_until(lambda: model._engine.stopped.done())
        health = httpx.get(url.removesuffix("/v1") + "/health")
    assert health.status_code == 503
    assert health.json()["status"] == "stopped"
    assert "CUDA error" in health.json()["reason"]
    model.close()


def broken(*_: Any) -> None:
    raise RuntimeError("CUDA error: device-side assert")


def test_a_server_whose_model_broke_ends_with_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """So that whatever supervises the process starts it anew."""
    load = TransformersModel.load

    def load_broken(*given: Any, **named: Any) -> TransformersModel:
        model = load(*given, **named)
        model._model.register_forward_pre_hook(broken)
        return model

    monkeypatch.setattr(TransformersModel, "load", load_broken)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with ThreadPoolExecutor(1) as pool:
        served = pool.submit(serve, str(build_tiny_model(tmp_path)), port=port)
        wait_until(lambda: served.done() or answers(f"{url}/health"))
        answer = httpx.post(f"{url}/v1/chat/completions", json={"messages": HELLO}, timeout=60)
        assert answer.status_code == 503
        assert served.result(60) == ExitCode.INFRASTRUCTURE
    assert "the model's engine stopped" in capsys.readouterr().err


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.ConnectError:
        return False
