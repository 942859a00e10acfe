"""Scoring through a server: our own `/score`, `echo` of `/completions`, or `prompt_logprobs`."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from agent.model.base import Message
from agent.model.chat.template import api_messages, chatml
from agent.model.errors import RequestRefused, ScoringUnsupported
from agent.model.openai_api.connection import Connection
from agent.model.openai_api.continuation_scores import continuation_score

_MAX_BATCH_CONTINUATIONS = 32


class RemoteScores:
    """Log-probabilities of continuations, by whichever way the server has."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ours = True
        """Not known yet to be a server without `/score`."""

    def of(
        self,
        model: str,
        prefix: Sequence[Message] | str,
        continuations: Sequence[str],
        cancel: threading.Event | None,
    ) -> list[float]:
        """One float for each continuation. Raises ScoringUnsupported, ModelUnavailable, Cancelled.

        A token that spans the end of the prefix counts as part of the continuation.
        """
        own_scores = self._by_our_server(prefix, continuations, cancel) if self._ours else None
        self._ours = own_scores is not None
        if own_scores is not None:
            return own_scores
        text = prefix if isinstance(prefix, str) else chatml(prefix)
        scores: list[float] = []
        for start in range(0, len(continuations), _MAX_BATCH_CONTINUATIONS):
            batch = continuations[start : start + _MAX_BATCH_CONTINUATIONS]
            scores += self._by_completions(model, text, batch, cancel)
        return scores

    def _by_our_server(
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

    def _by_completions(
        self,
        model: str,
        prefix: str,
        continuations: Sequence[str],
        cancel: threading.Event | None,
    ) -> list[float]:
        body: dict[str, object] = {
            "model": model,
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
