"""Any server that speaks the OpenAI chat API: SGLang, vLLM, llama.cpp, `repair model serve`."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from agent.model.base import (
    Completion,
    FinishReason,
    GenerationParams,
    Message,
    TokenEvent,
    TokenListener,
    Tool,
    Usage,
)
from agent.model.errors import (
    ContextWindowExceeded,
    GenerationCancelled,
    ModelUnavailable,
    RequestRefused,
)
from agent.model.openai_api.client_messages import (
    ChoiceParts,
    request_body,
    usage_of,
    window_of,
)
from agent.model.openai_api.connection import Connection
from agent.model.openai_api.dialects import (
    Fields,
    ServerKind,
    extensions,
    kind_of,
    streams_calls,
)
from agent.model.openai_api.remote_scores import RemoteScores
from agent.model.openai_api.retries import Cancelled, Patience

_DEFAULT_WINDOW_TOKENS = 32_768
"""Assumed until the server says otherwise, in `/models` or in an error."""


@dataclass(frozen=True, kw_only=True)
class ServerAnswer:
    """An answer as the server gave it, before calls are read and values typed."""

    choices: Mapping[int, ChoiceParts]
    usage: Mapping[str, object]
    """The server's counts; empty where it gives none."""

    def completions(self, tools: Sequence[Tool]) -> list[Completion]:
        """The answer as completions; one of several has a share of the tokens by its length."""
        lengths = {i: len(p.content) + len(p.reasoning) + 1 for i, p in self.choices.items()}
        total = sum(lengths.values())
        return [
            parts.completion(
                tools, usage_of(self.usage, lengths[index] / total) if self.usage else Usage()
            )
            for index, parts in sorted(self.choices.items())
        ]


class RemoteModel:
    """A model behind an OpenAI-compatible endpoint. Safe to call from several threads."""

    def __init__(
        self,
        base_url: str,
        *,
        model: str | None = None,
        api_key: str | None = None,
        patience: Patience | None = None,
        context_window: int | None = None,
        stop: threading.Event | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        """`base_url` ends in `/v1` as a rule. `model` None takes the first the server lists.

        `context_window` overrides what the server says. When `stop` is set, nobody waits for
        that any more. `tell` hears, from the thread that asks, that the server is away and waited
        for, and that it is back. Nothing is sent before the first use.
        """
        self._connection = Connection(base_url, api_key, patience or Patience(), tell)
        self._scores = RemoteScores(self._connection)
        self._model = model
        self._window = context_window
        self._stop = stop
        self._asked_models = False
        self.fields = Fields.ALL
        """What it was not seen to refuse."""
        self.kind = ServerKind.OTHER
        """The program behind the URL, once it was asked and where it names itself."""
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return f"openai:{self._model or self._connection.base_url}"

    @property
    def waited_seconds(self) -> float:
        """Implements `agent.model.base.Waiting`."""
        return self._connection.waited_seconds

    @property
    def context_window(self) -> int:
        """What the server said; 32,768 tokens where it says nothing."""
        with contextlib.suppress(Cancelled):
            self._learn(self._stop)
        return self._window or _DEFAULT_WINDOW_TOKENS

    @property
    def streams_calls(self) -> bool:
        """Whether answers that may hold tool calls are streamed."""
        return streams_calls(self.kind)

    def generate(
        self,
        messages: Sequence[Message],
        tools: Sequence[Tool],
        params: GenerationParams,
        n: int = 1,
        *,
        on_token: TokenListener | None = None,
        cancel: threading.Event | None = None,
    ) -> list[Completion]:
        """As the Protocol says. A server that went away is waited for (`Patience.away_seconds`).

        After a cut stream the answer is asked for again, and `on_token` hears it from its start
        under the next `attempt`. Servers that give one completion whatever `n` is asked for are
        asked again. An answer that was nothing but thinking, up to its limit, is asked for once
        more without: the server did not keep the budget.
        """
        completions: list[Completion] = []
        try:
            self._learn(cancel)
            while len(completions) < n:
                offset, count = len(completions), n - len(completions)
                listener = None if on_token is None else _shifted(on_token, offset)
                options = params
                if params.seed is not None:
                    options = replace(params, seed=params.seed + offset)
                answer = self.ask(messages, tools, options, count, on_token=listener, cancel=cancel)
                completions += answer.completions(tools)
            for index, completion in enumerate(completions[:n]):
                if self._thought_only(completion, params):
                    listener = None if on_token is None else _shifted(on_token, index, attempt=1)
                    completions[index] = self._without_thinking(
                        completion, messages, tools, params, listener, cancel
                    )
        except Cancelled:
            empty = Message(role="assistant", content="")
            placeholder = Completion(message=empty, finish_reason=FinishReason.CANCELLED)
            completions += [placeholder] * (n - len(completions))
        except ContextWindowExceeded as error:
            self._window = error.window or self._window
            raise
        return completions[:n]

    def score(
        self,
        prefix: Sequence[Message] | str,
        continuations: Sequence[str],
        *,
        cancel: threading.Event | None = None,
    ) -> list[float]:
        """As the Protocol says; through `/score` of our own server, `echo` of `/completions`, or
        vLLM's `prompt_logprobs`. Raises ScoringUnsupported where the server offers none."""
        try:
            self._learn(cancel)
            return self._scores.of(self._model or "", prefix, continuations, cancel)
        except Cancelled as error:
            raise GenerationCancelled("scoring was cancelled") from error

    def close(self) -> None:
        self._connection.close()

    def ask(
        self,
        messages: Sequence[Message],
        tools: Sequence[Tool],
        params: GenerationParams,
        n: int = 1,
        *,
        stream: bool | None = None,
        on_token: TokenListener | None = None,
        cancel: threading.Event | None = None,
    ) -> ServerAnswer:
        """One request; what the server refuses of it is left out from then on.

        `stream` None streams where the server is not known to lose text that way. Raises what
        `generate` raises, and Cancelled.
        """
        self._learn(cancel)
        if stream is None:
            stream = not tools or self.streams_calls
        body = request_body(self._model or "", messages, tools, params, n, stream=stream)
        attempts = itertools.count()
        refusal: RequestRefused | None = None
        for fields, extra in self._extras(params):
            full = {**body, **extra}
            try:
                answer = self._connection.retrying(
                    lambda full=full: self._answer(full, _numbered(on_token, attempts), cancel),  # type: ignore[misc]
                    cancel,
                )
            except RequestRefused as error:
                refusal = error
                continue
            if refusal is not None:
                self.fields = fields
            return answer
        assert refusal is not None
        raise refusal

    def _extras(self, params: GenerationParams) -> list[tuple[Fields, dict[str, object]]]:
        """What may be sent beyond the API, most first, without what was refused before."""
        ways = [(f, extensions(params, self.kind, f)) for f in Fields if f >= self.fields]
        successors = [extra for _, extra in ways[1:]] + [None]
        return [way for way, after in zip(ways, successors, strict=True) if way[1] != after]

    def _answer(
        self,
        body: Mapping[str, object],
        on_token: TokenListener | None,
        cancel: threading.Event | None,
    ) -> ServerAnswer:
        """One attempt. Raises ModelUnavailable when the answer is not whole."""
        choices: dict[int, ChoiceParts] = {}
        usage: object = None
        for event in self._connection.events("/chat/completions", body, cancel):
            if "error" in event:
                raise ModelUnavailable(f"the model server broke off: {event['error']!r:.300}")
            usage = event.get("usage") or usage
            _take(event.get("choices"), choices, on_token)
        if not choices or any(parts.finish is None for parts in choices.values()):
            raise ModelUnavailable(
                f"the answer of the model server at {self._connection.base_url} was cut off "
                "before its end"
            )
        return ServerAnswer(choices=choices, usage=usage if isinstance(usage, Mapping) else {})

    def _thought_only(self, completion: Completion, params: GenerationParams) -> bool:
        """Whether a budget was asked for, and the answer ended at its limit while thinking."""
        message = completion.message
        return (
            params.thinking
            and params.thinking_budget is not None
            and self.fields is not Fields.PLAIN
            and completion.finish_reason is FinishReason.LENGTH
            and bool(message.reasoning)
            and not message.content
            and not message.tool_calls
        )

    def _without_thinking(
        self,
        thought: Completion,
        messages: Sequence[Message],
        tools: Sequence[Tool],
        params: GenerationParams,
        on_token: TokenListener | None,
        cancel: threading.Event | None,
    ) -> Completion:
        """Another answer in place of one that was all thinking; both are counted."""
        params = replace(params, thinking=False)
        answer = self.ask(messages, tools, params, on_token=on_token, cancel=cancel)
        completion = answer.completions(tools)[0]
        tokens = thought.usage.completion_tokens + completion.usage.completion_tokens
        usage = replace(
            completion.usage,
            completion_tokens=tokens,
            reasoning_tokens=thought.usage.completion_tokens,
        )
        return replace(completion, usage=usage)

    def _learn(self, cancel: threading.Event | None) -> None:
        """Ask once which model is served and how long its context is."""
        with self._lock:
            if self._asked_models:
                return
            try:
                answer = self._connection.retrying(
                    lambda: self._connection.get("/models", cancel), cancel
                )
            except RequestRefused:
                # A server without the list is fine when the user named the model.
                if self._model is None:
                    raise
                answer = {}
            self._asked_models = True
            self._choose(answer)

    def _choose(self, answer: Mapping[str, object]) -> None:
        data = answer.get("data")
        models = data if isinstance(data, list) else []
        entries = [entry for entry in models if isinstance(entry, Mapping) and "id" in entry]
        if self._model is None:
            if not entries:
                raise RequestRefused(
                    f"the model server at {self._connection.base_url} lists no model; name one"
                )
            self._model = str(entries[0]["id"])
        model_entry = next((entry for entry in entries if entry["id"] == self._model), None)
        if model_entry is None:
            return
        self.kind = kind_of(model_entry)
        if self._window is None:
            self._window = window_of(model_entry)


def _take(
    choice_list: object, choices: dict[int, ChoiceParts], on_token: TokenListener | None
) -> None:
    for choice in choice_list if isinstance(choice_list, list) else ():
        if not isinstance(choice, Mapping):
            continue
        index = choice.get("index", 0)
        index = index if isinstance(index, int) else 0
        reasoning, content = choices.setdefault(index, ChoiceParts()).add(choice)
        if on_token is not None and reasoning:
            on_token(TokenEvent(index=index, text=reasoning, reasoning=True))
        if on_token is not None and content:
            on_token(TokenEvent(index=index, text=content, reasoning=False))


def _shifted(on_token: TokenListener, offset: int, attempt: int = 0) -> TokenListener:
    return lambda event: on_token(
        replace(event, index=event.index + offset, attempt=event.attempt + attempt)
    )


def _numbered(on_token: TokenListener | None, attempts: Iterator[int]) -> TokenListener | None:
    """For the next attempt at one answer: what it says is not more of what the last one said."""
    attempt = next(attempts)
    if on_token is None:
        return None
    return lambda event: on_token(replace(event, attempt=attempt))
