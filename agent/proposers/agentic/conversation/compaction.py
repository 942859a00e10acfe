"""Compaction of long conversations: the middle is summarised in a few lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agent.prompts import prompt
from agent.proposers.agentic.conversation.conversation_state import said

Plain = dict[str, Any]

HEAD_MESSAGES = 2
"""System message and task: never left out."""
TAIL_WINDOW_SHARE = 0.25
"""Of the context window, kept for the latest turns: with the task, an answer and what was left out
in a line each, half of it stays free for what follows."""
CHARACTERS_PER_TOKEN = 3
"""Of code and logs, rather few: more tokens than thought would not fit."""
MAX_LISTED_ACTIONS = 40
SHORTENED_CHARACTERS = 1_500


def compacted(
    messages: Sequence[Plain], changed_paths: Sequence[str], window: int, shrink: int = 1
) -> list[Plain]:
    """The task, what was done in a line each, and the latest turns.

    These get their share of `window`, the tokens of the model's context. `shrink` above 1 keeps
    that many times less of them. Tool answers always stay with the turn that asked for them.
    """
    starts = [i for i, m in enumerate(messages) if i >= HEAD_MESSAGES and m["role"] == "assistant"]
    first = starts[-1] if starts else len(messages)
    total, most = 0, int(TAIL_WINDOW_SHARE * window * CHARACTERS_PER_TOKEN) // shrink
    for start, end in zip(reversed(starts), [len(messages), *reversed(starts)], strict=False):
        total += sum(_size(message) for message in messages[start:end])
        if total > most:
            break
        first = start
    middle, tail = messages[HEAD_MESSAGES:first], list(messages[first:])
    if shrink > 1:
        tail = [_shortened(message) for message in tail]
    if not middle:
        return [*messages[:HEAD_MESSAGES], *tail]
    note = prompt(
        "compacted",
        count=sum(message["role"] == "assistant" for message in middle),
        actions="\n".join(_actions(middle)[-MAX_LISTED_ACTIONS:]) or "nothing",
        changed=", ".join(changed_paths) or "none",
    )
    return [*messages[:HEAD_MESSAGES], said("user", note), *tail]


def _actions(messages: Sequence[Plain]) -> list[str]:
    """`bash pytest -q → 3 failed`, one a call; an earlier summary keeps its lines."""
    answers = {m["tool_call_id"]: m["content"] for m in messages if m["role"] == "tool"}
    lines: list[str] = []
    for message in messages:
        if message["role"] == "user":
            lines += [line for line in message["content"].split("\n") if line.startswith("- ")]
        for call in message["tool_calls"]:
            words = " ".join(str(value) for value in call["arguments"].values())
            answer = answers.get(call["call_id"], "").strip().split("\n")[0]
            lines.append(f"- {call['name']} {_line(words, 100)} → {_line(answer, 120)}")
    return lines


def _line(text: str, length: int) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= length else one_line[: length - 1] + "…"


def _size(message: Plain) -> int:
    calls = sum(len(str(call["arguments"])) for call in message["tool_calls"])
    return len(message["content"]) + len(message["reasoning"]) + calls


def _shortened(message: Plain) -> Plain:
    content = message["content"]
    if message["role"] != "tool" or len(content) <= SHORTENED_CHARACTERS:
        return message
    half = SHORTENED_CHARACTERS // 2
    return {**message, "content": f"{content[:half]}\n[… left out …]\n{content[-half:]}"}
