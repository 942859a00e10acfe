"""Steps of a conversation for the trajectory, made from what its state holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.patches.changes import diff_text, edited_files, unified_diff
from agent.proposers.agentic.tools.working_copy import WorkingTree
from agent.records import CandidatePatch
from agent.runs.trajectory import Step


def message_step(
    conversation: str, kind: str, message: Mapping[str, Any], *, turn: int, index: int = 0
) -> Step:
    """A message to the model."""
    return Step(
        conversation=conversation, kind=kind, turn=turn, index=index, text=message["content"]
    )


def answer_step(conversation: str, update: Mapping[str, Any], *, seconds: float) -> Step:
    """The model's answer; `update` is what it changes in the conversation's state."""
    message = update["messages"][-1]
    return Step(
        conversation=conversation,
        kind="answer",
        turn=update["turns"],
        text=message["content"],
        thinking=message["reasoning"],
        calls=tuple(
            {"name": call["name"], "arguments": call["arguments"]} for call in message["tool_calls"]
        ),
        tokens=update["answer_tokens"],
        prompt_tokens=update["context"] - update["answer_tokens"],
        seconds=seconds,
    )


def patch_step(
    conversation: str, turn: int, index: int, candidate: CandidatePatch, tree: WorkingTree
) -> Step:
    """What is handed in, as a unified diff against the base."""
    diff = diff_text(unified_diff(edited_files(candidate.edits, tree.read_base)))
    return Step(conversation=conversation, kind="patch", turn=turn, index=index, text=diff)


def ending_step(conversation: str, turn: int, text: str, index: int = 0) -> Step:
    return Step(conversation=conversation, kind="ending", turn=turn, index=index, text=text)
