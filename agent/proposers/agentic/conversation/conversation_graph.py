"""The conversation as a graph: generate ⇄ act, each step a checkpoint.

A generation is paid for, so it is a step of its own: after a crash its answer is there and only
the actions, on the working copy restored from the state, are done again.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from agent.events import Progress
from agent.model.base import (
    Completion,
    FinishReason,
    GenerationParams,
    Message,
    TokenListener,
    ToolCall,
    ToolChoice,
)
from agent.model.errors import ContextWindowExceeded, ScriptExhausted
from agent.prompts import prompt
from agent.proposers.agentic.actions import act_on, tools_of
from agent.proposers.agentic.agent_context import AgentContext
from agent.proposers.agentic.candidate import key_of
from agent.proposers.agentic.choice import with_news
from agent.proposers.agentic.conversation.compaction import compacted
from agent.proposers.agentic.conversation.conversation_state import (
    ENDED,
    FINAL,
    LATE,
    OPEN,
    AgentState,
    messages_of,
    said,
)
from agent.proposers.agentic.conversation.live_text import LiveText
from agent.proposers.agentic.conversation.steps import (
    answer_step,
    ending_step,
    message_step,
    patch_step,
)
from agent.runs.stop import Interrupted
from agent.serialization import plain, restore
from sandbox.errors import SandboxDied

AgentGraph = CompiledStateGraph[AgentState, AgentContext, AgentState, AgentState]
Update = dict[str, Any]

MAX_BAD_ANSWERS = 3
"""In a row: answers without anything to run."""
MAX_LOOPS = 3
"""In a row: answers that only repeated earlier actions."""
FULL_CONTEXT_SHARE = 0.75
"""Of the context window: the middle is compacted before more is asked."""
ANSWER_WINDOW_DIVISOR = 4
"""An answer may take this part (one in …) of the window."""
RESTARTED = (
    "The sandbox ended while this ran (a command may have killed everything, or used all memory). "
    "It was started again. Your changes to the project from before this answer are kept; files "
    "elsewhere are gone."
)
MAX_SHRINK_FACTOR = 16
TIDY_EVERY = 8
"""Turns; a checkpoint holds the whole conversation."""
CHARACTERS_PER_TOKEN = 4


def agent_graph(checkpointer: BaseCheckpointSaver[Any]) -> AgentGraph:
    """Build the graph. Its thread is one conversation."""
    graph = StateGraph(AgentState, context_schema=AgentContext)
    graph.add_node("generate", generate)
    graph.add_node("act", act)
    graph.add_node("correct", correct)
    graph.add_node("conclude", conclude)
    for node in (START, "generate", "act", "correct"):
        graph.add_conditional_edges(
            node, next_step, ["generate", "act", "correct", "conclude", END]
        )
    graph.add_edge("conclude", END)
    return graph.compile(checkpointer=checkpointer)


def next_step(state: AgentState) -> str:
    """The next node of the conversation graph. Pure."""
    if state["paused"] or state["status"] != OPEN:
        return END
    if state["ending"]:
        return "conclude"
    last = state["messages"][-1]
    if last["role"] == "assistant":
        return "act" if last["tool_calls"] else "correct"
    return "generate"


def generate(state: AgentState, *, runtime: Runtime[AgentContext]) -> Update:
    context = runtime.context
    ending = _limit(state, context)
    if ending:
        return {"ending": ending}
    if context.stop.is_set():
        raise Interrupted
    if context.seconds_left <= 0:
        return _paused(state, context)
    if state["turns"] and state["turns"] % TIDY_EVERY == 0:
        context.tidy()
    new_state = with_news(state, context.passed())
    if new_state is not state:
        note = new_state["messages"][-1]
        context.record(message_step(context.name, "note", note, turn=state["turns"], index=1))
    state = new_state
    title = f"{context.name}: turn {state['turns'] + 1}"
    began = time.monotonic()
    context.listen(Progress(text=f"{title}, reading the conversation"))
    try:
        messages, completions = _asked(state, context, LiveText(title, context.listen))
    except ContextWindowExceeded as error:
        return {"ending": f"the conversation no longer fits the model's context: {error}"}
    except ScriptExhausted as error:
        return {"ending": f"the model has no more answers: {error}"}
    if context.stop.is_set():
        raise Interrupted
    if completions[0].finish_reason is FinishReason.CANCELLED:
        return _paused(state, context)
    update = _state_after_answer(state, messages, completions[0])
    context.record(answer_step(context.name, update, seconds=time.monotonic() - began))
    if context.samples > 1:
        samples = [plain(completion) for completion in completions[1:]]
        return {**update, "samples": samples, "paused": True}
    return update


def _paused(state: AgentState, context: AgentContext) -> Update:
    """Until there is more time. Once it is over, what the working copy holds is judged: the time
    for a verdict is kept apart."""
    if context.seconds_left > 0 or not state["files"]:
        return {"paused": True}
    candidate = _not_judged_yet(state, context)
    return {"paused": True} | (
        {} if candidate is None else {"status": LATE, "candidate": candidate}
    )


def _not_judged_yet(state: AgentState, context: AgentContext) -> dict[str, Any] | None:
    """What the working copy holds, as a candidate; None where there is nothing new in it."""
    tree = context.open_tree()
    candidate = context.task.make(tree).candidate
    if candidate is None or key_of(candidate) in state["judged"]:
        return None
    number = len(state["judged"])
    context.record(patch_step(context.name, state["turns"], number, candidate, tree))
    record: dict[str, Any] = plain(candidate)
    return record


def _limit(state: AgentState, context: AgentContext) -> str:
    """Which limit is reached, as a sentence; empty while there is room."""
    if state["turns"] >= context.limits.max_turns:
        return f"it used its {context.limits.max_turns} turns"
    if state["tokens"] >= context.limits.max_tokens:
        return f"it used its {context.limits.max_tokens} tokens"
    if state["bad_answers"] >= MAX_BAD_ANSWERS:
        return f"{MAX_BAD_ANSWERS} answers in a row held nothing that could be run"
    if state["loops"] >= MAX_LOOPS:
        return "it went round in circles"
    return ""


def _asked(
    state: AgentState, context: AgentContext, on_token: TokenListener
) -> tuple[list[dict[str, Any]], list[Completion]]:
    """Ask; where the conversation does not fit, compact it and ask again."""
    window = context.model.context_window
    tokens_left = context.limits.max_tokens - state["tokens"]
    answer = max(1, min(context.limits.answer_tokens, tokens_left, window // ANSWER_WINDOW_DIVISOR))
    choice = ToolChoice.REQUIRED if state["bad_answers"] else ToolChoice.AUTO
    # The other half is for what the thinking was about: an answer cut off in it runs nothing.
    thinking_tokens = min(context.limits.thinking_tokens, answer // 2)
    params = GenerationParams(
        max_tokens=answer,
        thinking=thinking_tokens > 0,
        thinking_budget=thinking_tokens,
        tool_choice=choice,
    )
    messages, shrink = state["messages"], 1
    if state["context"] > FULL_CONTEXT_SHARE * window:
        messages = compacted(messages, list(state["files"]), window)
    while True:
        try:
            prompt_messages = messages_of({**state, "messages": messages})
            completions = context.model.generate(
                prompt_messages,
                tools_of(context.task),
                params,
                context.samples,
                on_token=on_token,
                cancel=context.cancel,
            )
        except ContextWindowExceeded:
            # What was too long may have told the true window.
            window = min(window, context.model.context_window)
            smaller = compacted(state["messages"], list(state["files"]), window, shrink)
            if shrink > MAX_SHRINK_FACTOR:
                raise
            messages, shrink = smaller, shrink * 2
            continue
        return messages, completions


def _state_after_answer(
    state: AgentState, messages: list[dict[str, Any]], completion: Completion
) -> Update:
    """The state after an answer, which is charged whatever it holds."""
    message = _distinct_ids(completion.message, state["turns"])
    tokens = completion.usage.completion_tokens or _estimate(message)
    prompt_tokens = completion.usage.prompt_tokens
    if not prompt_tokens:
        prompt_tokens = sum(
            _estimate(sent_message) for sent_message in messages_of({**state, "messages": messages})
        )
    return {
        "messages": [*messages, plain(message)],
        "errors": list(completion.format_errors),
        "bad_answers": 0 if message.tool_calls else state["bad_answers"] + 1,
        "turns": state["turns"] + 1,
        "tokens": state["tokens"] + tokens,
        "answer_tokens": tokens,
        "context": prompt_tokens + tokens,
    }


def heard_sample(state: AgentState, sample: dict[str, Any]) -> Update:
    """The state after a first answer that was generated together with another's."""
    return _state_after_answer(state, state["messages"], restore(Completion, sample))


def _distinct_ids(message: Message, turn: int) -> Message:
    """Call ids that no other turn has: backends may number each answer's calls anew."""
    calls = tuple(
        ToolCall(name=call.name, arguments=call.arguments, call_id=f"t{turn}c{index}")
        for index, call in enumerate(message.tool_calls)
    )
    return replace(message, tool_calls=calls)


def _estimate(message: Message) -> int:
    """Tokens, roughly, where a backend does not count."""
    calls = sum(len(str(dict(call.arguments))) for call in message.tool_calls)
    return 1 + (len(message.content) + len(message.reasoning) + calls) // CHARACTERS_PER_TOKEN


def act(state: AgentState, *, runtime: Runtime[AgentContext]) -> Update:
    """Run the calls of the last answer, in order."""
    context = runtime.context
    if context.stop.is_set():
        raise Interrupted
    message = restore(Message, state["messages"][-1])
    try:
        return act_on(state, message, context)
    except SandboxDied:
        if context.stop.is_set() or context.cancel.is_set():
            raise Interrupted from None
        # A command of the model ended it; the next action opens another one.
        context.drop_tree()
        context.listen(Progress(text=f"{context.name}: its sandbox ended and is opened again"))
        answers = [said("tool", RESTARTED, call.call_id) for call in message.tool_calls]
        return {"messages": [*state["messages"], *answers], "loops": state["loops"] + 1}


def correct(state: AgentState, *, runtime: Runtime[AgentContext]) -> Update:
    """Answer tool calls that could not be run with their format errors."""
    errors = state["errors"]
    text = prompt("malformed", errors="\n".join(errors)) if errors else prompt("nudge")
    message = said("user", text)
    context = runtime.context
    context.record(message_step(context.name, "note", message, turn=state["turns"]))
    return {"messages": [*state["messages"], message], "errors": []}


def conclude(state: AgentState, *, runtime: Runtime[AgentContext]) -> Update:
    """The end: what the working copy holds, if it was not judged yet, is the last candidate."""
    context = runtime.context
    context.listen(Progress(text=f"{context.name} ends: {state['ending']}"))
    context.record(ending_step(context.name, state["turns"], state["ending"]))
    if not state["files"]:
        return {"status": ENDED}
    candidate = _not_judged_yet(state, context)
    return {"status": ENDED} if candidate is None else {"status": FINAL, "candidate": candidate}
