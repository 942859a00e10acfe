"""The OpenAI-compatible backend against a real HTTP server, kind and unkind."""

from __future__ import annotations

import math
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from agent.model.base import (
    FinishReason,
    GenerationParams,
    Message,
    TokenEvent,
    ToolCall,
    ToolChoice,
)
from agent.model.errors import (
    ContextWindowExceeded,
    GenerationCancelled,
    ModelError,
    ModelUnavailable,
    RequestRefused,
    ScoringUnsupported,
)
from agent.model.openai_api.client import RemoteModel
from agent.model.openai_api.retries import Patience
from tests.support.qwen_format import TOOLS, render_calls
from tests.support.stand_in_server import (
    MODELS,
    Handler,
    Server,
    cut_stream,
    delta,
    failure,
    hang,
    nonsense,
    stand_in_server,
    stream,
    whole,
)

QUICK = Patience(
    attempts=3,
    connect_seconds=2,
    silence_seconds=5,
    answer_seconds=10,
    backoff_seconds=0.01,
    away_seconds=0,
)
PATIENT = replace(QUICK, away_seconds=60)
OPENED: list[RemoteModel] = []
ASK = [Message(role="user", content="hi")]
SAID = stream(delta(content="yes"), delta(finish="stop"))


@pytest.fixture(autouse=True)
def _closed_in_the_end() -> Iterator[None]:
    yield
    while OPENED:
        OPENED.pop().close()


def model_of(server: Server | str, patience: Patience = QUICK, **keywords: Any) -> RemoteModel:
    url = server if isinstance(server, str) else server.url
    OPENED.append(RemoteModel(url, patience=patience, **keywords))
    return OPENED[-1]


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_reasoning_is_kept_under_either_name(name: str) -> None:
    events = (delta(**{name: "I th"}), delta(**{name: "ink"}), delta(content="yes"))
    usage = {
        "prompt_tokens": 7,
        "completion_tokens": 3,
        "prompt_tokens_details": {"cached_tokens": 5},
    }
    with stand_in_server(
        stream(*events, delta(finish="stop"), {"choices": [], "usage": usage})
    ) as s:
        seen: list[TokenEvent] = []
        (answer,) = model_of(s).generate(ASK, (), GenerationParams(), on_token=seen.append)
    assert (answer.message.reasoning, answer.message.content) == ("I think", "yes")
    assert answer.finish_reason is FinishReason.STOP
    assert (answer.usage.prompt_tokens, answer.usage.cached_tokens) == (7, 5)
    assert answer.usage.completion_tokens == 3
    assert "".join(e.text for e in seen if e.reasoning) == "I think"


def test_calls_parsed_by_the_server_are_typed_and_checked() -> None:
    def call(index: int, name: str, arguments: str) -> dict[str, object]:
        return {
            "index": index,
            "id": f"c{index}",
            "function": {"name": name, "arguments": arguments},
        }

    events = (
        delta(tool_calls=[call(0, "bash", '{"comma')]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": 'nd": " ls\\n"}'}}]),
        delta(tool_calls=[call(1, "bash", "{broken")]),
        delta(tool_calls=[call(2, "fly", "{}")]),
        delta(finish="tool_calls"),
    )
    with stand_in_server(stream(*events)) as server:
        (answer,) = model_of(server).generate(ASK, TOOLS, GenerationParams())
    (made,) = answer.message.tool_calls
    assert (made.name, made.arguments, made.call_id) == ("bash", {"command": " ls\n"}, "c0")
    assert answer.finish_reason is FinishReason.TOOL_CALLS
    assert "not a JSON object" in answer.format_errors[0]
    assert "no tool named 'fly'" in answer.format_errors[1]


def test_arguments_that_the_server_passes_on_badly_are_mended() -> None:
    def call(index: int, arguments: str) -> dict[str, object]:
        return {"index": index, "function": {"name": "bash", "arguments": arguments}}

    texts = ('{"command": "ls"', '{"command": null}', '{"cmd": "a\nb"}}')
    events = [delta(tool_calls=[call(index, text)]) for index, text in enumerate(texts)]
    with stand_in_server(stream(*events, delta(finish="tool_calls"))) as server:
        (answer,) = model_of(server).generate(ASK, TOOLS, GenerationParams())
    commands = [made.arguments["command"] for made in answer.message.tool_calls]
    assert commands == ["ls", "null", "a\nb"]
    assert len(answer.format_errors) == 1
    assert "came as null" in answer.format_errors[0]


@pytest.mark.parametrize("place", ["content", "reasoning_content"])
def test_calls_the_server_left_in_the_text_are_parsed_here(place: str) -> None:
    call = ToolCall(name="bash", arguments={"command": "  ls"})
    text = f"I look\n{render_calls([call])}"
    with stand_in_server(stream(delta(**{place: text}), delta(finish="stop"))) as server:
        (answer,) = model_of(server).generate(ASK, TOOLS, GenerationParams())
    assert answer.message.tool_calls[0].arguments == {"command": "  ls"}
    assert answer.finish_reason is FinishReason.TOOL_CALLS


def test_thinking_the_server_left_in_the_text_is_taken_out() -> None:
    with stand_in_server(
        stream(delta(content="so\n</think>\n\nyes"), delta(finish="stop"))
    ) as server:
        (answer,) = model_of(server).generate(ASK, (), GenerationParams())
    assert (answer.message.reasoning, answer.message.content) == ("so", "yes")


def test_the_request_says_what_was_asked() -> None:
    params = GenerationParams(
        max_tokens=9, seed=4, stop=("END",), thinking_budget=5, tool_choice=ToolChoice.REQUIRED
    )
    with stand_in_server(SAID) as server:
        model = model_of(server, api_key="secret")
        history = [*ASK, model.generate(ASK, TOOLS, params)[0].message, *ASK]
        model.generate(history, TOOLS, params)
        assert (model.name, model.context_window) == ("openai:stand-in", 4096)
        assert server.headers_seen[0]["Authorization"] == "Bearer secret"
        _, body = server.requests[-1]
    assert body["model"] == "stand-in"
    assert [m["role"] for m in body["messages"]] == ["user", "assistant", "user"]
    assert (body["max_tokens"], body["seed"], body["stop"]) == (9, 4, ["END"])
    assert (body["top_k"], body["thinking_token_budget"]) == (20, 5)
    assert body["tool_choice"] == "required"
    assert body["chat_template_kwargs"] == {"enable_thinking": True, "preserve_thinking": True}


def test_n_completions_from_one_request_or_several() -> None:
    both = stream(
        delta(0, content="a"), delta(1, content="b"), delta(0, "stop"), delta(1, "length")
    )
    with stand_in_server(both) as server:
        answers = model_of(server).generate(ASK, (), GenerationParams(), 2)
    assert [a.message.content for a in answers] == ["a", "b"]
    assert answers[1].finish_reason is FinishReason.LENGTH
    with stand_in_server(SAID) as server:
        seen: list[int] = []
        answers = model_of(server).generate(
            ASK, (), GenerationParams(seed=1), 3, on_token=lambda event: seen.append(event.index)
        )
        assert [body["seed"] for _, body in server.requests] == [1, 2, 3]
    assert [a.message.content for a in answers] == ["yes"] * 3
    assert seen == [0, 1, 2]


def test_a_server_that_does_not_stream() -> None:
    choice = {"index": 0, "message": {"content": "yes", "reasoning": "hm"}, "finish_reason": "stop"}
    with stand_in_server(whole({"choices": [choice], "usage": {"prompt_tokens": 2}})) as server:
        (answer,) = model_of(server).generate(ASK, (), GenerationParams())
    assert (answer.message.content, answer.message.reasoning) == ("yes", "hm")
    assert answer.usage.prompt_tokens == 2


@pytest.mark.parametrize(
    "first",
    [
        failure(429, retry_after="0"),
        failure(503),
        failure(500),
        cut_stream(delta(content="ye")),
        cut_stream(),
        cut_stream("{broken"),
        stream({"error": {"message": "engine died"}}),
        nonsense,
        whole({"choices": []}),
    ],
)
def test_what_may_pass_is_tried_again(first: Callable[[Handler, dict[str, Any]], None]) -> None:
    with stand_in_server(first, SAID) as server:
        (answer,) = model_of(server).generate(ASK, (), GenerationParams())
        assert len(server.requests) == 2
    assert answer.message.content == "yes"


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (failure(503, "loading"), "said 503.*loading.*3 attempts"),
        (cut_stream(delta(content="ye")), "cut off before its end.*3 attempts"),
        (nonsense, "OpenAI-compatible server"),
    ],
)
def test_what_does_not_pass_ends_in_a_clear_sentence(
    broken: Callable[[Handler, dict[str, Any]], None], says: str
) -> None:
    with stand_in_server(broken) as server, pytest.raises(ModelUnavailable, match=says) as caught:
        model_of(server).generate(ASK, (), GenerationParams())
    assert caught.value.retryable


def test_a_server_that_is_down() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}/v1"
        with pytest.raises(ModelUnavailable, match="check that it runs"):
            model_of(url).generate(ASK, (), GenerationParams())


def test_a_server_that_starts_anew_is_waited_for_and_the_waiting_is_told() -> None:
    loading = [failure(503, "loading")] * 7
    told: list[str] = []
    with stand_in_server(*loading, SAID) as server:
        (answer,) = model_of(server, PATIENT, tell=told.append).generate(
            ASK, (), GenerationParams()
        )
        assert len(server.requests) == 8
    assert answer.message.content == "yes"
    assert len(told) == 8
    assert "said 503" in told[0]
    assert "waiting for it, 0 s of at most 60 s" in told[0]
    assert "back after" in told[-1]


def test_a_server_that_went_down_answers_again_at_the_same_address() -> None:
    told: list[str] = []
    away = threading.Event()
    with stand_in_server(SAID) as server:
        port = server.server_port
        server.models = lambda handler, _: handler.send_json(MODELS, connection="close")
        model = model_of(server, PATIENT, tell=lambda text: (told.append(text), away.set()))
        assert model.context_window == 4096
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(model.generate, ASK, (), GenerationParams())
        assert away.wait(60)
        with stand_in_server(SAID, port=port):
            assert asked.result()[0].message.content == "yes"
    assert "cannot talk to the model server" in told[0]


def test_waiting_for_a_server_ends_when_it_is_cancelled() -> None:
    cancel = threading.Event()
    patience = replace(PATIENT, backoff_seconds=60.0, away_seconds=6000)
    with stand_in_server(failure(503)) as server:
        model = model_of(server, patience, tell=lambda _: cancel.set())
        (answer,) = model.generate(ASK, (), GenerationParams(), cancel=cancel)
    assert answer.finish_reason is FinishReason.CANCELLED


def test_a_server_that_vanishes_without_a_word_is_noticed() -> None:
    """Its connections are probed: an answer that comes in one piece is waited for up to an hour."""
    probed: list[int] = []

    def look(handler: Handler, body: dict[str, Any]) -> None:
        (pool,) = [model._connection._client._transport._pool]  # type: ignore[attr-defined]
        for connection in pool.connections:
            stream_of = connection._connection._network_stream
            probed.append(
                stream_of.get_extra_info("socket").getsockopt(
                    socket.SOL_SOCKET, socket.SO_KEEPALIVE
                )
            )
        SAID(handler, body)

    with stand_in_server(look) as server:
        model = model_of(server)
        model.generate(ASK, (), GenerationParams())
    assert probed
    assert all(probed)


def test_a_server_that_answers_badly_is_not_waited_for() -> None:
    with stand_in_server(nonsense) as server:
        with pytest.raises(ModelUnavailable, match="3 attempts"):
            model_of(server, PATIENT).generate(ASK, (), GenerationParams())
        assert len(server.requests) == 3


def test_what_follows_a_cut_stream_is_told_from_what_was_heard_before() -> None:
    seen: list[TokenEvent] = []
    cut = cut_stream(delta(content="ye"), delta(content="s, b"))
    with stand_in_server(cut, failure(503), stream(delta(content="no"), delta(finish="stop"))) as s:
        (answer,) = model_of(s).generate(ASK, (), GenerationParams(), on_token=seen.append)
    assert answer.message.content == "no"
    assert [(event.text, event.attempt) for event in seen] == [("ye", 0), ("s, b", 0), ("no", 2)]


def test_a_url_that_is_none() -> None:
    with pytest.raises(ModelUnavailable, match="cannot talk"):
        model_of("gopher:/x").generate(ASK, (), GenerationParams())


@pytest.mark.parametrize(
    "patience",
    [
        Patience(attempts=1, silence_seconds=0.3),
        Patience(attempts=1, answer_seconds=0.3),
    ],
)
def test_a_server_that_falls_silent(patience: Patience) -> None:
    with stand_in_server(hang(3)) as server:
        started = time.monotonic()
        with pytest.raises(ModelUnavailable, match="in time"):
            model_of(server, patience).generate(ASK, (), GenerationParams())
    assert time.monotonic() - started < 2


def test_a_server_that_does_not_even_list_its_models() -> None:
    with stand_in_server(hang(3)) as server:
        server.models = lambda handler, body: time.sleep(3)
        patience = Patience(attempts=1, connect_seconds=0.3)
        with pytest.raises(ModelUnavailable, match=f"{server.url} did not answer in time"):
            model_of(server, patience).generate(ASK, (), GenerationParams())


def test_cancelling_in_mid_answer_returns_soon() -> None:
    cancel = threading.Event()
    with stand_in_server(hang(3)) as server:
        started = time.monotonic()
        answers = model_of(server).generate(
            ASK, (), GenerationParams(), 2, on_token=lambda _: cancel.set(), cancel=cancel
        )
    assert [a.finish_reason for a in answers] == [FinishReason.CANCELLED] * 2
    assert time.monotonic() - started < 2


def test_a_server_that_says_nothing_is_left_at_once() -> None:
    """Well before the minute that it would be waited for."""
    cancel, over = threading.Event(), threading.Event()
    patience = Patience(connect_seconds=60)
    with stand_in_server(lambda *_: None) as server:
        server.models = lambda *_: over.wait(60) and None
        threading.Timer(0.2, cancel.set).start()
        started = time.monotonic()
        model = model_of(server, patience, stop=cancel)
        assert model.context_window == 32_768
        (answer,) = model.generate(ASK, (), GenerationParams(), cancel=cancel)
        assert answer.finish_reason is FinishReason.CANCELLED
        with pytest.raises(GenerationCancelled):
            model.score(ASK, ["a"], cancel=cancel)
        assert time.monotonic() - started < 30
        over.set()


def test_a_score_under_way_is_left_when_it_is_cancelled() -> None:
    cancel, over = threading.Event(), threading.Event()

    def asked(*_: Any) -> None:
        cancel.set()
        over.wait(60)

    with stand_in_server(asked) as server:
        started = time.monotonic()
        with pytest.raises(GenerationCancelled):
            model_of(server, Patience()).score(ASK, ["a"], cancel=cancel)
        assert time.monotonic() - started < 30
        over.set()


def test_answers_that_end_at_once_do_not_break_each_others_connections() -> None:
    """One that leaves a finished stream must not shut what another has taken over."""
    patience = Patience(attempts=1)
    choice = {"index": 0, "message": {"content": "yes"}, "finish_reason": "stop"}
    with stand_in_server(whole({"choices": [choice]})) as server:
        model = model_of(server, patience)
        with ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(model.generate, ASK, (), GenerationParams()) for _ in range(80)]
            said = [one.result()[0].message.content for one in asked]
    assert said == ["yes"] * 80


@pytest.mark.parametrize(
    ("words", "tokens", "window"),
    [
        (
            "This model's maximum context length is 8192 tokens. You requested 9000 tokens",
            9000,
            8192,
        ),
        ("request (5000 tokens) exceeds the available context size (4096 tokens)", 5000, 4096),
        ("the maximum context length of 512 tokens. You requested a total of 600 tokens", 600, 512),
        ("exceed_context_size_error", None, None),
    ],
)
def test_an_overflow_is_known_by_the_servers_words(
    words: str, tokens: int | None, window: int | None
) -> None:
    with stand_in_server(failure(400, words)) as server:
        model = model_of(server)
        with pytest.raises(ContextWindowExceeded) as caught:
            model.generate(ASK, (), GenerationParams())
        assert (caught.value.tokens, caught.value.window) == (tokens, window)
        assert model.context_window == (window or 4096)


def test_a_server_that_refuses_the_extensions_gets_plain_requests() -> None:
    def strict(handler: Handler, body: dict[str, Any]) -> None:
        (failure(422, "top_k not allowed") if "top_k" in body else SAID)(handler, body)

    with stand_in_server(strict) as server:
        model = model_of(server)
        for _ in range(2):
            model.generate(ASK, (), GenerationParams())
        assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("owner", "field", "value"),
    [
        ("vllm", "thinking_token_budget", 5),
        ("sglang", "custom_params", {"thinking_budget": 5}),
        ("llamacpp", "thinking_budget_tokens", 5),
        ("repair", "thinking_token_budget", 5),
        ("somebody", "thinking_token_budget", 5),
    ],
)
def test_the_thinking_budget_is_called_as_the_server_calls_it(
    owner: str, field: str, value: object
) -> None:
    with stand_in_server(SAID) as server:
        server.models = {"data": [{"id": "a", "owned_by": owner}]}
        model_of(server).generate(ASK, TOOLS, GenerationParams(thinking_budget=5))
        ((_, body),) = server.requests
    assert body[field] == value
    assert body["stream"] is (owner != "sglang")


def test_a_server_that_refuses_the_budget_alone_still_gets_the_rest() -> None:
    def strict(handler: Handler, body: dict[str, Any]) -> None:
        budget = "thinking_token_budget" in body
        (failure(400, "reasoning_config is not configured") if budget else SAID)(handler, body)

    with stand_in_server(strict) as server:
        model = model_of(server)
        for budget in (None, 9, 9):
            model.generate(ASK, (), GenerationParams(thinking_budget=budget))
        sent = [("thinking_token_budget" in body, "top_k" in body) for _, body in server.requests]
    assert sent == [(False, True), (True, True), (False, True), (False, True)]


def test_an_answer_that_is_all_thinking_is_asked_for_without() -> None:
    usage = {"usage": {"completion_tokens": 90}}
    endless = stream(delta(reasoning="hm " * 30), delta(finish="length"), {"choices": [], **usage})
    short = stream(delta(content="yes"), delta(finish="stop"), {"usage": {"completion_tokens": 2}})
    seen: list[TokenEvent] = []
    with stand_in_server(endless, short) as server:
        (answer,) = model_of(server).generate(
            ASK, (), GenerationParams(thinking_budget=5), on_token=seen.append
        )
        switches = [body["chat_template_kwargs"]["enable_thinking"] for _, body in server.requests]
    assert switches == [True, False]
    assert (answer.message.content, answer.usage.completion_tokens) == ("yes", 92)
    assert [event.attempt for event in seen] == [0, 1]


def test_a_refusal_is_not_repeated() -> None:
    with stand_in_server(failure(401, "bad key")) as server:
        with pytest.raises(RequestRefused, match=r"401.*bad key"):
            model_of(server).generate(ASK, (), GenerationParams())
        assert len(server.requests) == 2


def test_models_lists_of_every_kind() -> None:
    with stand_in_server(SAID) as server:
        server.models = {"data": [{"id": "a"}, {"id": "b", "meta": {"n_ctx": 512}}]}
        assert model_of(server, model="b").context_window == 512
        assert model_of(server).context_window == 32_768
        server.models = {"data": []}
        with pytest.raises(RequestRefused, match="lists no model"):
            model_of(server).generate(ASK, (), GenerationParams())
        server.models = failure(404)
        assert model_of(server, model="x").generate(ASK, (), GenerationParams())
        with pytest.raises(ModelError, match="404"):
            model_of(server).generate(ASK, (), GenerationParams())


def echo(handler: Handler, body: dict[str, Any]) -> None:
    """One token a character, each with log-probability minus its position."""
    choices = []
    for index, prompt in enumerate(body["prompt"]):
        values = [None, *(-float(i) for i in range(1, len(prompt) + 1))]
        logprobs = {"text_offset": [*range(len(prompt) + 1)], "token_logprobs": values}
        choices.append({"index": index, "text": prompt + "!", "logprobs": logprobs})
    handler.send_json({"choices": choices[::-1]})


def prompt_logprobs(handler: Handler, body: dict[str, Any]) -> None:
    """vLLM: no echo, but a mapping per prompt token, the prompt's own first."""
    if "echo" in body:
        failure(400, "echo is not supported")(handler, body)
        return
    choices = []
    for index, prompt in enumerate(body["prompt"]):
        listed: list[object] = [None]
        for i, character in list(enumerate(prompt))[1:]:
            listed.append({"7": {"logprob": -float(i), "rank": 3, "decoded_token": character}})
        choices.append({"index": index, "text": "!", "prompt_logprobs": listed})
    handler.send_json({"choices": choices})


@pytest.mark.parametrize("server_kind", [echo, prompt_logprobs])
def test_scoring(server_kind: Callable[[Handler, dict[str, Any]], None]) -> None:
    with stand_in_server(server_kind) as server:
        scores = model_of(server).score("abc", ["de", "f", "longer one"])
    assert scores[:2] == [-7.0, -3.0]
    assert math.isclose(scores[2], -sum(range(3, 13)))


def test_scoring_many_and_of_messages() -> None:
    with stand_in_server(echo) as server:
        scores = model_of(server).score(ASK, ["x"] * 70)
        assert len(server.requests) == 3
        assert server.requests[0][1]["prompt"][0].startswith("<|im_start|>user\nhi<|im_end|>")
    assert len(set(scores)) == 1
    assert len(scores) == 70


def test_a_server_that_cannot_score_says_so() -> None:
    with stand_in_server(whole({"choices": [{"text": "x"}]})) as server:
        with pytest.raises(ScoringUnsupported, match="log-probabilities"):
            model_of(server).score("a", ["b"])
        cancel = threading.Event()
        cancel.set()
        with pytest.raises(GenerationCancelled):
            model_of(server).score("a", ["b"], cancel=cancel)
