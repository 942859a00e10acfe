"""Tool calls of one answer, executed in the working copy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from agent.events import Progress
from agent.model.base import Message, Tool, ToolCall
from agent.proposers.agentic.agent_context import AgentContext
from agent.proposers.agentic.candidate import key_of
from agent.proposers.agentic.conversation_state import SUBMITTED, AgentState, said
from agent.proposers.agentic.loop_detection import (
    MAX_REMEMBERED_ACTIONS,
    action_digest,
    is_repeated,
)
from agent.proposers.agentic.tools.editor import EDITOR, Editor
from agent.proposers.agentic.tools.run_tests import RUN_TESTS, run_tests
from agent.proposers.agentic.tools.shell import BASH, run_bash
from agent.proposers.agentic.tools.truncation import cut
from agent.proposers.agentic.tools.working_copy import WorkingTree
from agent.serialization import plain

SUBMIT = Tool(
    name="submit",
    description=(
        "Hand your work in. It is judged in a fresh copy; when it is rejected, you are told why."
    ),
    parameters={"type": "object", "properties": {}, "required": []},
)
TOOLS = (EDITOR, BASH, RUN_TESTS, SUBMIT)

REPEATED = (
    "Not run: this only repeats what you did before, and no file changed since; the answer would "
    "be the same. Do something else: read other code, change the source, or submit."
)
AFTER_SUBMIT = "Not run: you had submitted."
MIN_ACTION_SECONDS = 5.0


@dataclass
class Turn:
    """State that the tool calls of one answer read and change."""

    tree: WorkingTree
    editor: Editor
    actions: list[str]
    outcomes: dict[str, str]
    observations: int
    answers: list[dict[str, Any]] = field(default_factory=list)
    repeated: int = 0
    submitted: dict[str, Any] = field(default_factory=dict)


def act_on(state: AgentState, message: Message, context: AgentContext) -> dict[str, Any]:
    """Run the calls; the update holds their answers and the state of the working copy."""
    tree = context.open_tree()
    turn = Turn(
        tree=tree,
        editor=Editor(tree, state["undo"]),
        actions=list(state["actions"]),
        outcomes=dict(state["outcomes"]),
        observations=state["observations"],
    )
    errors = list(state["errors"])
    for call in message.tool_calls:
        if turn.submitted:
            turn.answers.append(said("tool", AFTER_SUBMIT, call.call_id))
            continue
        answer = _answer(call, turn, state, context)
        if answer is not None:
            turn.answers.append(said("tool", "\n".join((answer, *errors)), call.call_id))
            errors = []
    idle = turn.repeated == len(message.tool_calls)
    return {
        "messages": [*state["messages"], *turn.answers],
        "errors": [],
        "files": tree.saved(),
        "undo": turn.editor.undo,
        "actions": turn.actions[-MAX_REMEMBERED_ACTIONS:],
        "loops": state["loops"] + 1 if idle else 0,
        "outcomes": turn.outcomes,
        "observations": turn.observations,
        **turn.submitted,
    }


def _answer(call: ToolCall, turn: Turn, state: AgentState, context: AgentContext) -> str | None:
    """What the model reads; None when the verdict will be the answer."""
    context.listen(Progress(text=f"{context.name}: turn {state['turns']}, {_shown(call)}"))
    if call.name == SUBMIT.name:
        return _submit(call, turn, state, context)
    digest = action_digest(call, turn.tree.digest())
    repeated = is_repeated(digest, turn.actions)
    turn.actions.append(digest)
    if repeated:
        turn.repeated += 1
        return REPEATED
    text = _run(call, turn, context)
    turn.observations += 1
    full_text_path = f"{turn.tree.scratch}/observation-{turn.observations}.txt"
    return cut(text, turn.tree.session, full_text_path)


def _run(call: ToolCall, turn: Turn, context: AgentContext) -> str:
    # What the time does not allow ends with it: the time-out is shortened, never the answer.
    seconds_left = max(context.seconds_left, MIN_ACTION_SECONDS)
    if call.name == EDITOR.name:
        return turn.editor(call.arguments)
    if call.name == BASH.name:
        return run_bash(turn.tree, call.arguments, seconds_left)
    if call.name == RUN_TESTS.name:
        text, turn.outcomes = run_tests(
            turn.tree, context.tests, call.arguments, turn.outcomes, seconds_left
        )
        return text
    names = ", ".join(tool.name for tool in TOOLS)
    return f"There is no tool {call.name}; there are {names}."


def _submit(call: ToolCall, turn: Turn, state: AgentState, context: AgentContext) -> str | None:
    result = context.task.make(turn.tree)
    left_out = "".join(f"\n- {sentence}" for sentence in result.dropped)
    if result.candidate is None:
        explanation = f" What you changed does not count:{left_out}" if left_out else ""
        turn.repeated += 1
        return f"Not submitted: your working copy holds no {context.task.wanted}.{explanation}"
    if key_of(result.candidate) in state["judged"]:
        turn.repeated += 1
        return "Not submitted: this very patch was rejected before. Change it first."
    turn.submitted = {
        "status": SUBMITTED,
        "candidate": plain(result.candidate),
        "submit_call": call.call_id,
        "errors": [f"Left out: {sentence}" for sentence in result.dropped],
    }
    return None


def _shown(call: ToolCall) -> str:
    words = " ".join(" ".join(str(value).split()) for value in call.arguments.values())
    return f"{call.name} {words}"[:80].rstrip()
