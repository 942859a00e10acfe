"""Patches of others that passed the verdict: the model is shown them and may choose one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agent.model.base import Tool, ToolCall
from agent.prompts import prompt
from agent.proposers.agentic.conversation.compaction import HEAD_MESSAGES
from agent.proposers.agentic.conversation.conversation_state import ENDED, AgentState, said
from agent.proposers.passed_patch import PassedPatch

CHOOSE = Tool(
    name="choose",
    description=(
        "Choose one of the patches that you were shown as passing, instead of one of your own. "
        "This ends your work."
    ),
    parameters={
        "type": "object",
        "properties": {
            "patch": {"type": "integer", "description": "Number of the patch."},
            "reason": {"type": "string", "description": "Why it is right, in a sentence or two."},
        },
        "required": ["patch", "reason"],
    },
)
MAX_DIFF_CHARACTERS = 4_000
MAX_REASON_CHARACTERS = 600


def with_news(state: AgentState, passed: Sequence[PassedPatch]) -> AgentState:
    """The conversation with a message on each patch that it does not speak of yet.

    One that a compaction removed is told again.
    """
    history_lines = {
        line
        for message in state["messages"][HEAD_MESSAGES:]
        if message["role"] == "user"
        for line in message["content"].split("\n")
    }
    news = [patch for patch in passed if _title(patch) not in history_lines]
    if not news:
        return state
    text = prompt("passed", patches="\n\n".join(map(_shown, news)))
    return {**state, "messages": [*state["messages"], said("user", text)]}


def choose(call: ToolCall, passed: Sequence[PassedPatch]) -> tuple[str, dict[str, Any]]:
    """What the model is told, and what changes in its state: nothing where it chose none."""
    patch = next((entry for entry in passed if entry.number == call.arguments.get("patch")), None)
    if patch is None:
        numbers = ", ".join(str(entry.number) for entry in passed) or "none"
        return f"There is no such patch. Numbers of patches that passed: {numbers}.", {}
    reason = " ".join(str(call.arguments.get("reason", "")).split())[:MAX_REASON_CHARACTERS]
    if not reason:
        return "Not chosen: say in `reason` why this patch is right.", {}
    ending = f"it chose patch {patch.number}, {patch.description}: {reason}"
    return "Chosen.", {"status": ENDED, "ending": ending, "choice": patch.key, "reason": reason}


def _title(patch: PassedPatch) -> str:
    return f"## Patch {patch.number}"


def _shown(patch: PassedPatch) -> str:
    """Indented, so that no line of a diff reads as one of ours."""
    diff = "\n".join(f"    {line}" for line in patch.diff[:MAX_DIFF_CHARACTERS].split("\n"))
    against = "".join(f"\nAgainst it: {caution}." for caution in patch.cautions)
    return f"{_title(patch)}\n\n{patch.description}\n\n{diff.rstrip()}{against}"
