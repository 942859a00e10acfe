"""State of a conversation with the model: plain JSON types only, one checkpoint a turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

from agent.model.base import Message
from agent.serialization import plain, restore

Plain = dict[str, Any]

OPEN = "open"
SUBMITTED = "submitted"
"""A candidate waits for its verdict; the model hears it as the answer to its `submit`."""
FINAL = "final"
"""A limit was reached; what there was waits for its verdict as the last candidate."""
LATE = "late"
"""The time ended; what the working copy held waits for its verdict, without a `submit`. With more
time the conversation goes on after it."""
ENDED = "ended"


class AgentState(TypedDict, total=False):
    """Checkpointed state of one conversation with the model."""

    messages: list[Plain]
    files: dict[str, str | None]
    """Path → content (base64) of what differs from the base; None where it was removed."""
    undo: dict[str, list[str | None]]
    """Path → contents before each edit of the editor, oldest first."""
    errors: list[str]
    """What was wrong with the last answer, one sentence each."""
    bad_answers: int
    """Answers in a row that held nothing to run."""
    actions: list[str]
    """Digest of each action together with the tree it met."""
    loops: int
    """Answers in a row that only repeated earlier actions."""
    outcomes: dict[str, str]
    """Test → outcome and message when the model last ran it."""
    observations: int
    doubted: str
    """Digest of the working copy of which the model was told at `submit` that tests fail in it;
    absent in conversations of earlier versions."""
    turns: int
    tokens: int
    """Generated, thinking included."""
    answer_tokens: int
    """Of the last answer."""
    context: int
    """Tokens of the last prompt and its answer."""
    status: str
    ending: str
    """Why it is over, one sentence."""
    candidate: Plain | None
    submit_call: str
    judged: list[str]
    """Digests of the candidates that were judged."""
    choice: str
    """Key of the patch that this conversation stands for: its own that passed, or one it chose."""
    reason: str
    """Why it chose a patch of somebody else."""
    samples: list[Plain]
    """First answers for the other conversations, generated together with this one's."""
    paused: bool


def fresh(messages: Sequence[Message]) -> AgentState:
    """A conversation that begins with these messages."""
    return AgentState(
        messages=[plain(message) for message in messages],
        files={},
        undo={},
        errors=[],
        bad_answers=0,
        actions=[],
        loops=0,
        outcomes={},
        observations=0,
        doubted="",
        turns=0,
        tokens=0,
        answer_tokens=0,
        context=0,
        status=OPEN,
        ending="",
        candidate=None,
        submit_call="",
        judged=[],
        choice="",
        reason="",
        samples=[],
        paused=False,
    )


def messages_of(state: AgentState) -> list[Message]:
    return [restore(Message, message) for message in state["messages"]]


def said(role: str, text: str, call_id: str = "") -> Plain:
    """A message to the model, as the state holds it."""
    clean = text.encode("utf-8", "replace").decode("utf-8")
    record: Plain = plain(restore(Message, {"role": role, "content": clean}))
    return {**record, "tool_call_id": call_id}
