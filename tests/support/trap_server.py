"""A server with a capable model behind it, and each fault of the known servers on a switch."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from agent.model.openai_api.trap_questions import FIRST_MARK, LAST_MARK
from tests.support.stand_in_server import Handler, Server, delta, failure, stand_in_server

TRAPS = (
    "strips",
    "null_is_nothing",
    "call_stays_in_thinking",
    "call_in_thinking_is_lost",
    "second_call_is_lost",
    "streaming_loses_text",
    "nothing_is_cached",
    "does_not_say_what_is_cached",
    "one_answer",
    "ignores_the_budget",
    "refuses_the_budget",
)
_TEXTS = re.compile(f"{re.escape(FIRST_MARK)}(.*?){re.escape(LAST_MARK)}", re.DOTALL)
_CHUNK_CHARACTERS = 40


class TrapModel:
    """Answers a request as the model and the server with these faults would."""

    def __init__(self, traps: frozenset[str]) -> None:
        self._traps = traps
        self._seen: set[str] = set()

    def __call__(self, handler: Handler, body: dict[str, Any]) -> None:
        budget = body.get("thinking_token_budget")
        if "refuses_the_budget" in self._traps and budget is not None:
            failure(400, "reasoning_config is not configured")(handler, body)
            return
        messages = [self._message(body, budget) for _ in range(body.get("n", 1))]
        if "one_answer" in self._traps:
            del messages[1:]
        usage = self._usage(body)
        if body.get("stream"):
            self._stream(handler, messages, usage)
            return
        choices = [
            {"index": index, "message": message, "finish_reason": _finish(message)}
            for index, message in enumerate(messages)
        ]
        handler.send_json({"choices": choices, "usage": usage})

    def _message(self, body: dict[str, Any], budget: int | None) -> dict[str, Any]:
        question = body["messages"][-1]["content"]
        texts = _TEXTS.findall(question)
        if "long time" in question:
            steps = 2_000 if "ignores_the_budget" in self._traps or not budget else budget
            return {"reasoning": "and " * steps, "content": "46"}
        if "calendar.py" in question:
            arguments = json.dumps({"path": "calendar.py", "first": 10, "last": 20})
            function = {"name": "view_lines", "arguments": arguments}
            return {"content": "", "tool_calls": [{"index": 0, "id": "c", "function": function}]}
        if not texts:
            return {"content": "yes"}
        if "Do not close" in question:
            return self._in_thinking(texts[0])
        if "second_call_is_lost" in self._traps:
            del texts[1:]
        return {"reasoning": "I write.", "content": "", "tool_calls": self._calls(texts)}

    def _in_thinking(self, text: str) -> dict[str, Any]:
        if "call_in_thinking_is_lost" in self._traps:
            return {"reasoning": "I write.", "content": ""}
        if "call_stays_in_thinking" in self._traps:
            call = f"<function=write_text>\n<parameter=text>\n{text}\n</parameter>\n</function>"
            return {"reasoning": f"I write.\n<tool_call>\n{call}\n</tool_call>", "content": ""}
        return {"reasoning": "I write.", "content": "", "tool_calls": self._calls([text])}

    def _calls(self, texts: list[str]) -> list[dict[str, Any]]:
        values: list[str | None] = list(texts)
        if "strips" in self._traps:
            values = [text.strip() for text in texts]
        if "null_is_nothing" in self._traps:
            values = [None if text == "null" else text for text in values]
        return [
            {
                "index": index,
                "id": f"c{index}",
                "function": {"name": "write_text", "arguments": json.dumps({"text": value})},
            }
            for index, value in enumerate(values)
        ]

    def _usage(self, body: dict[str, Any]) -> dict[str, Any]:
        prompt = json.dumps(body["messages"])
        tokens = len(prompt) // 4
        found = tokens if prompt in self._seen and "nothing_is_cached" not in self._traps else 0
        self._seen.add(prompt)
        if "does_not_say_what_is_cached" in self._traps:
            return {"prompt_tokens": tokens, "completion_tokens": 9}
        details = {"cached_tokens": found}
        return {
            "prompt_tokens": tokens,
            "completion_tokens": 9,
            "prompt_tokens_details": details,
        }

    def _stream(
        self, handler: Handler, messages: list[dict[str, Any]], usage: dict[str, Any]
    ) -> None:
        handler.start_stream()
        for index, message in enumerate(messages):
            calls = message.pop("tool_calls", [])
            handler.send_event(delta(index, **message))
            for call in calls:
                for piece in self._pieces(call):
                    handler.send_event(delta(index, tool_calls=[piece]))
            handler.send_event(delta(index, "tool_calls" if calls else "stop"))
        handler.send_event({"choices": [], "usage": usage})
        handler.send_event("[DONE]")

    def _pieces(self, call: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """A call in chunks; the fault loses letters where one ends."""
        arguments = call["function"]["arguments"]
        yield {**call, "function": {"name": call["function"]["name"], "arguments": ""}}
        for start in range(0, len(arguments), _CHUNK_CHARACTERS):
            piece = arguments[start : start + _CHUNK_CHARACTERS]
            if "streaming_loses_text" in self._traps and len(piece) == _CHUNK_CHARACTERS:
                piece = re.sub(r"[a-z]$", "", piece)
            yield {"index": call["index"], "function": {"arguments": piece}}


@contextmanager
def trap_server(*traps: str, owner: str = "") -> Iterator[Server]:
    """The server with these faults; `owner` is what it calls itself."""
    assert set(traps) <= set(TRAPS)
    with stand_in_server(TrapModel(frozenset(traps))) as server:
        entry = {"id": "capable", "max_model_len": 32_768, "owned_by": owner}
        server.models = {"object": "list", "data": [entry]}
        yield server


def _finish(message: dict[str, Any]) -> str:
    return "tool_calls" if message.get("tool_calls") else "stop"
