"""Any server that speaks the OpenAI chat API: SGLang, vLLM, llama.cpp, `repair model serve`."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace

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
from agent.model.chat.template import api_messages, chatml
from agent.model.errors import (
    ContextWindowExceeded,
    GenerationCancelled,
    ModelUnavailable,
    RequestRefused,
    ScoringUnsupported,
)
from agent.model.openai_api.client_messages import (
    ChoiceParts,
    extensions,
    request_body,
    usage_of,
    window_of,
)
from agent.model.openai_api.connection import Cancelled, Connection, Patience
from agent.model.openai_api.continuation_scores import continuation_score

_DEFAULT_WINDOW_TOKENS = 32_768
"""Assumed until the server says otherwise, in `/models` or in an error."""
_MAX_BATCH_CONTINUATIONS = 32


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
    ) -> None:
        """`base_url` ends in `/v1` as a rule. `model` None takes the first the server lists.

        `context_window` overrides what the server says. When `stop` is set, nobody waits for
        that any more. Nothing is sent before the first use.
        """
        self._connection = Connection(base_url, api_key, patience or Patience())
        self._model = model
        self._window = context_window
        self._stop = stop
        self._asked_models = False
        self._plain = False
        """The server refused our extensions once: only the standard fields are sent."""
        self._ours = True
        """Not known yet to be a server without `/score`."""
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return f"openai:{self._model or self._connection.base_url}"

    @property
    def context_window(self) -> int:
        """What the server said; 32,768 tokens where it says nothing."""
        with contextlib.suppress(Cancelled):
            self._learn(self._stop)
        return self._window or _DEFAULT_WINDOW_TOKENS

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
        """As the Protocol says. After a cut stream the answer is asked for again, and
        `on_token` then hears it from its start.

        Servers that give one completion whatever `n` is asked for are asked again.
        """
        completions: list[Completion] = []
        try:
            self._learn(cancel)
            while len(completions) < n:
                offset, count = len(completions), n - len(completions)
                listener = None if on_token is None else _shifted(on_token, offset)
                seeded = params
                if params.seed is not None:
                    seeded = replace(params, seed=params.seed + offset)
                completions += self._ask(messages, tools, seeded, count, listener, cancel)
        except Cancelled:
            empty = Message(role="assistant", content="")
            cancelled = Completion(message=empty, finish_reason=FinishReason.CANCELLED)
            completions += [cancelled] * (n - len(completions))
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
        vLLM's `prompt_logprobs`.

        A token that spans the end of the prefix counts as part of the continuation. Raises
        ScoringUnsupported where the server offers neither.
        """
        text = prefix if isinstance(prefix, str) else chatml(prefix)
        scores: list[float] = []
        try:
            self._learn(cancel)
            own_scores = self._score_here(prefix, continuations, cancel) if self._ours else None
            self._ours = own_scores is not None
            if own_scores is not None:
                return own_scores
            for start in range(0, len(continuations), _MAX_BATCH_CONTINUATIONS):
                scores += self._score(
                    text, continuations[start : start + _MAX_BATCH_CONTINUATIONS], cancel
                )
        except Cancelled as error:
            raise GenerationCancelled("scoring was cancelled") from error
        return scores

    def close(self) -> None:
        self._connection.close()

    def _ask(
        self,
        messages: Sequence[Message],
        tools: Sequence[Tool],
        params: GenerationParams,
        n: int,
        on_token: TokenListener | None,
        cancel: threading.Event | None,
    ) -> list[Completion]:
        body = request_body(self._model or "", messages, tools, params, n)
        full = body if self._plain else {**body, **extensions(params)}
        try:
            return self._connection.retrying(
                lambda: self._stream(full, tools, on_token, cancel), cancel
            )
        except RequestRefused:
            if self._plain:
                raise
            completions = self._connection.retrying(
                lambda: self._stream(body, tools, on_token, cancel), cancel
            )
            self._plain = True
            return completions

    def _stream(
        self,
        body: Mapping[str, object],
        tools: Sequence[Tool],
        on_token: TokenListener | None,
        cancel: threading.Event | None,
    ) -> list[Completion]:
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
        lengths = {i: len(p.content) + len(p.reasoning) + 1 for i, p in choices.items()}
        total = sum(lengths.values())
        return [
            parts.completion(tools, usage_of(usage, lengths[index] / total) if usage else Usage())
            for index, parts in sorted(choices.items())
        ]

    def _score_here(
        self,
        prefix: Sequence[Message] | str,
        continuations: Sequence[str],
        cancel: threading.Event | None,
    ) -> list[float] | None:
        """Through `/score` of `repair model serve`; None where the server is another."""
        prefix_fields = (
            {"prefix": prefix} if isinstance(prefix, str) else {"messages": api_messages(prefix)}
        )
        body: dict[str, object] = {**prefix_fields, "continuations": list(continuations)}
        try:
            answer = self._connection.post("/score", body, cancel)
        except RequestRefused:
            return None
        scores = answer.get("scores")
        if not isinstance(scores, list) or len(scores) != len(continuations):
            return None
        return [float(score) for score in scores]

    def _score(
        self, prefix: str, continuations: Sequence[str], cancel: threading.Event | None
    ) -> list[float]:
        body: dict[str, object] = {
            "model": self._model or "",
            "prompt": [prefix + continuation for continuation in continuations],
            "max_tokens": 1,
            "temperature": 1.0,
        }
        for extra in ({"echo": True, "logprobs": 1}, {"prompt_logprobs": 0}):
            try:
                answer = self._connection.post("/completions", {**body, **extra}, cancel)
            except RequestRefused:
                continue
            scores = continuation_score(answer, prefix, continuations)
            if scores is not None:
                return scores
        raise ScoringUnsupported(
            f"the model server at {self._connection.base_url} gives no log-probabilities of a "
            "prompt: it has neither `echo` with `logprobs` nor `prompt_logprobs`"
        )

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
        if model_entry is not None and self._window is None:
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


def _shifted(on_token: TokenListener, offset: int) -> TokenListener:
    return lambda event: on_token(replace(event, index=event.index + offset))
