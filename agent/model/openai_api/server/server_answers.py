"""The OpenAI chat API seen from the server: answers, whole and streamed."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence

from agent.model.base import Completion, FinishReason, TokenEvent
from agent.model.chat.template import api_messages


def write_answer(model: str, completions: Sequence[Completion]) -> dict[str, object]:
    """The whole answer to a request that does not stream."""
    choices = [
        {
            "index": index,
            "message": _api_message(completion),
            "finish_reason": _finish(completion),
            "repair_finish_reason": completion.finish_reason.value,
        }
        for index, completion in enumerate(completions)
    ]
    return {**_frame(model, "chat.completion"), "choices": choices, "usage": usage(completions)}


class StreamWriter:
    """Writes the pieces of one streamed answer.

    Thinking and text go out as they are generated, up to the first tag of a call; calls, checked,
    and what else there is follow when the answer has ended.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self._frame = _frame(model, "chat.completion.chunk")
        self._said: dict[int, str] = {}
        self._sent: dict[int, int] = {}

    def piece(self, event: TokenEvent) -> dict[str, object] | None:
        """The chunk for a new piece of text; None when nothing may be sent yet."""
        if event.reasoning:
            text = event.text.replace("</think>", "")
            return self._chunk(event.index, {"reasoning_content": text}) if text else None
        answer_text = self._said.get(event.index, "") + event.text
        self._said[event.index] = answer_text
        ready = _before_tags(answer_text)
        sent_length = self._sent.get(event.index, 0)
        if ready <= sent_length:
            return None
        self._sent[event.index] = ready
        return self._chunk(event.index, {"content": answer_text[sent_length:ready]})

    def end(self, completions: Sequence[Completion]) -> list[dict[str, object]]:
        """The chunks after the last piece: calls, the rest of the text, why it ended."""
        chunks: list[dict[str, object]] = []
        for index, completion in enumerate(completions):
            delta = _api_message(completion)
            delta.pop("reasoning_content", None)
            delta["content"] = self._rest(index, completion.message.content)
            if not self._said.get(index) and not completion.message.content:
                delta.pop("content")
            chunks.append(self._chunk(index, delta))
            chunks.append(self._chunk(index, {}, completion))
        return chunks

    def usage(self, completions: Sequence[Completion]) -> dict[str, object]:
        return {**self._frame, "choices": [], "usage": usage(completions)}

    def _rest(self, index: int, content: str) -> str:
        sent_text = self._said.get(index, "")[: self._sent.get(index, 0)].lstrip()
        return content[len(sent_text) :] if content.startswith(sent_text) else ""

    def _chunk(
        self, index: int, delta: dict[str, object], completion: Completion | None = None
    ) -> dict[str, object]:
        choice: dict[str, object] = {"index": index, "delta": delta, "finish_reason": None}
        if completion is not None:
            choice["finish_reason"] = _finish(completion)
            choice["repair_finish_reason"] = completion.finish_reason.value
        return {**self._frame, "choices": [choice]}


def usage(completions: Sequence[Completion]) -> dict[str, object]:
    """Counts of a whole request: the prompt once, the completions together."""
    first = completions[0].usage
    completion = sum(c.usage.completion_tokens for c in completions)
    return {
        "prompt_tokens": first.prompt_tokens,
        "completion_tokens": completion,
        "total_tokens": first.prompt_tokens + completion,
        "prompt_tokens_details": {"cached_tokens": first.cached_tokens},
        "completion_tokens_details": {
            "reasoning_tokens": sum(c.usage.reasoning_tokens for c in completions)
        },
    }


def error_body(message: str, code: str) -> dict[str, object]:
    """An error as the API has it."""
    return {"error": {"message": message, "type": code, "code": code, "param": None}}


def _before_tags(text: str) -> int:
    """How much of a text may be sent: all before anything that could begin a call."""
    for tag in ("<tool_call>", "<function="):
        at = text.find(tag)
        if at >= 0:
            return len(text[:at].rstrip())
    last = text.rfind("<")
    if last >= 0 and any(t.startswith(text[last:]) for t in ("<tool_call>", "<function=")):
        text = text[:last]
    # White space at the end may belong to the border between text and call.
    return len(text.rstrip())


def _api_message(completion: Completion) -> dict[str, object]:
    (message,) = api_messages([completion.message])
    message.pop("reasoning", None)
    calls = message.get("tool_calls")
    for index, call in enumerate(calls if isinstance(calls, list) else ()):
        call["index"] = index
        call["id"] = f"call_{uuid.uuid4().hex[:24]}"
    if completion.format_errors:
        message["format_errors"] = list(completion.format_errors)
    return message


def _finish(completion: Completion) -> str:
    if completion.finish_reason in (FinishReason.REPETITION, FinishReason.CANCELLED):
        return "length"
    return completion.finish_reason.value


def _frame(model: str, kind: str) -> dict[str, object]:
    created_at = int(time.time())
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": kind,
        "created": created_at,
        "model": model,
    }
