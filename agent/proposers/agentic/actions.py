"""Tool calls of one answer, executed in the working copy."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from agent.events import Progress
from agent.model.base import Message, Tool, ToolCall
from agent.proposers.agentic.agent_context import AgentContext, ConversationTask
from agent.proposers.agentic.candidate import key_of
from agent.proposers.agentic.choice import CHOOSE, choose
from agent.proposers.agentic.conversation.conversation_state import SUBMITTED, AgentState, said
from agent.proposers.agentic.conversation.loop_detection import (
    MAX_REMEMBERED_ACTIONS,
    action_digest,
    is_repeated,
)
from agent.proposers.agentic.conversation.steps import message_step, patch_step
from agent.proposers.agentic.tools.editor import EDITOR, Editor
from agent.proposers.agentic.tools.hand_in import (
    GIVE_UP,
    SUBMIT,
    doubt,
    given_reason,
    left_out_told,
)
from agent.proposers.agentic.tools.protection import take_back
from agent.proposers.agentic.tools.run_tests import RUN_TESTS, run_tests
from agent.proposers.agentic.tools.shell import BASH, run_bash
from agent.proposers.agentic.tools.truncation import cut
from agent.proposers.agentic.tools.working_copy import WorkingTree
from agent.runs.trajectory import Step
from agent.serialization import plain

TOOLS = (EDITOR, BASH, RUN_TESTS, SUBMIT, GIVE_UP)


def tools_of(task: ConversationTask) -> tuple[Tool, ...]:
    """The tools of a conversation, the same from its first turn to its last: they stand at the
    head of the prompt, whose beginning a server keeps."""
    return (*TOOLS, CHOOSE) if task.offers_choice else TOOLS


REPEATED = (
    "Not run: this only repeats what you did before, and no file changed since; the answer would "
    "be the same. Do something else: read other code, change the source, or submit."
)
AFTER_SUBMIT = "Not run: you had ended your work before it."
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
    """What changes in the state by the call that ended the work; empty before it."""
    doubted: str = ""
    """Key of the patch of which the model knows that tests fail with it."""


def act_on(state: AgentState, message: Message, context: AgentContext) -> dict[str, Any]:
    """Run the calls; the update holds their answers and the state of the working copy."""
    tree = context.open_tree()
    turn = Turn(
        tree=tree,
        editor=Editor(tree, state["undo"], context.task.refusal),
        actions=list(state["actions"]),
        outcomes=dict(state["outcomes"]),
        observations=state["observations"],
        doubted=state.get("doubted", ""),
    )
    errors = list(state["errors"])
    for call in message.tool_calls:
        if turn.submitted:
            turn.answers.append(said("tool", AFTER_SUBMIT, call.call_id))
            continue
        began = time.monotonic()
        try:
            answer = _answer(call, turn, state, context)
        except OSError as error:  # a full disk, a file where a folder was: the model's to put right
            answer = f"That did not work: {error.strerror or error}."
        if answer is not None:
            turn.answers.append(said("tool", "\n".join((answer, *errors)), call.call_id))
            context.record(_step(turn, state, context, time.monotonic() - began))
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
        "doubted": turn.doubted,
        **turn.submitted,
    }


def _step(turn: Turn, state: AgentState, context: AgentContext, seconds: float) -> Step:
    number, message = len(turn.answers) - 1, turn.answers[-1]
    step = message_step(context.name, "tool", message, turn=state["turns"], index=number)
    return replace(step, seconds=seconds)


def _answer(call: ToolCall, turn: Turn, state: AgentState, context: AgentContext) -> str | None:
    """What the model reads; None when the verdict will be the answer."""
    context.listen(Progress(text=f"{context.name}: turn {state['turns']}, {_shown(call)}"))
    if call.name == SUBMIT.name:
        return _submit(call, turn, state, context)
    if call.name == CHOOSE.name and context.task.offers_choice:
        text, turn.submitted = choose(call, context.passed())
        return text
    if call.name == GIVE_UP.name:
        return _give_up(call, turn)
    digest = action_digest(call, turn.tree.digest())
    is_repetition = is_repeated(digest, turn.actions)
    turn.actions.append(digest)
    if is_repetition:
        turn.repeated += 1
        return REPEATED
    text = _run(call, turn, context)
    turn.observations += 1
    full_text_path = f"{turn.tree.scratch}/observation-{turn.observations}.txt"
    return cut(text, turn.tree, full_text_path)


def _run(call: ToolCall, turn: Turn, context: AgentContext) -> str:
    # What the time does not allow ends with it: the time-out is shortened, never the answer.
    seconds_left = max(context.seconds_left, MIN_ACTION_SECONDS)
    if call.name == EDITOR.name:
        return _with_new_cautions(lambda: turn.editor(call.arguments), turn.tree, context)
    if call.name == BASH.name:

        def act() -> str:
            return _bash(call, turn, seconds_left, context)

        return _with_new_cautions(act, turn.tree, context)
    if call.name == RUN_TESTS.name:
        text, turn.outcomes = run_tests(
            turn.tree, context.tests, call.arguments, turn.outcomes, seconds_left
        )
        return "\n\n".join((text, *_cautions(turn.tree, context)))
    names = ", ".join(tool.name for tool in tools_of(context.task))
    return f"There is no tool {call.name}; there are {names}."


def _bash(call: ToolCall, turn: Turn, seconds_left: float, context: AgentContext) -> str:
    text = run_bash(turn.tree, call.arguments, seconds_left)
    return "\n\n".join(filter(None, (text, take_back(turn.tree, context.task.refusal))))


def _with_new_cautions(act: Callable[[], str], tree: WorkingTree, context: AgentContext) -> str:
    """The answer to an action, with what speaks against the working copy since then."""
    before = _cautions(tree, context)
    text = act()
    new = [caution for caution in _cautions(tree, context) if caution not in before]
    return "\n\n".join((text, *new))


def _cautions(tree: WorkingTree, context: AgentContext) -> list[str]:
    """What will speak against the working copy as it is now."""
    changes = tree.changes().items()
    return [text for path, pair in changes if (text := context.task.caution(path, *pair))]


def _submit(call: ToolCall, turn: Turn, state: AgentState, context: AgentContext) -> str | None:
    take_back(turn.tree, context.task.refusal)
    result = context.task.make(turn.tree)
    left_out = left_out_told(result.dropped)
    if result.candidate is None:
        turn.repeated += 1
        empty = f"Not submitted: your working copy holds no {context.task.wanted}."
        return "\n\n".join(filter(None, (empty, left_out)))
    if key_of(result.candidate) in state["judged"]:
        turn.repeated += 1
        return "Not submitted: this very patch was rejected before. Change it first."
    key = key_of(result.candidate)  # not of all files: the tests may write some
    if turn.doubted != key:
        doubts = doubt(turn.tree, context.tests, max(context.seconds_left, MIN_ACTION_SECONDS))
        if doubts:
            turn.doubted = key
            return "\n\n".join(filter(None, (doubts, left_out)))
    number = len(state["judged"])
    context.record(patch_step(context.name, state["turns"], number, result.candidate, turn.tree))
    turn.submitted = {
        "status": SUBMITTED,
        "candidate": plain(result.candidate),
        "submit_call": call.call_id,
        "errors": [f"Left out: {sentence}" for sentence in result.dropped],
    }
    return None


def _give_up(call: ToolCall, turn: Turn) -> str:
    reason = given_reason(call.arguments)
    if not reason:
        return "Give the reason: people read it in place of a patch."
    turn.submitted = {"ending": f"it gave up: {reason}"}
    return "You have given up."


def _shown(call: ToolCall) -> str:
    words = " ".join(" ".join(str(value).split()) for value in call.arguments.values())
    return f"{call.name} {words}"[:80].rstrip()
