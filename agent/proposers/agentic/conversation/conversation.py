"""One conversation with the model, resumable at any turn."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

from agent.proposers.agentic.agent_context import (
    AgentContext,
    ConversationTask,
    Record,
    not_recorded,
)
from agent.proposers.agentic.candidate import key_of
from agent.proposers.agentic.conversation.conversation_graph import agent_graph, heard_sample
from agent.proposers.agentic.conversation.conversation_state import (
    ENDED,
    FINAL,
    LATE,
    OPEN,
    SUBMITTED,
    AgentState,
    fresh,
    said,
)
from agent.proposers.agentic.conversation.steps import answer_step, ending_step, message_step
from agent.proposers.agentic.rejection import rejection
from agent.proposers.agentic.tools.failure_text import no_line
from agent.proposers.agentic.tools.run_tests import line_of
from agent.proposers.agentic.tools.working_copy import WorkingTree
from agent.proposers.passed_patch import Choice
from agent.records import CandidatePatch, Verdict
from agent.runs.checkpoints import Saver, keep_latest
from agent.runs.trajectory import Step
from agent.serialization import restore

RECURSION_LIMIT = 10_000
NOT_SUBMITTED = "You had not submitted it: the time was over, and your working copy was judged"


class Conversation:
    """A thread in the run's checkpoint file, and the sandbox it works in."""

    def __init__(
        self,
        thread: str,
        saver: Saver,
        task: ConversationTask,
        open_tree: Callable[[], WorkingTree],
        name: str = "model",
        record: Record = not_recorded,
    ) -> None:
        """`name` is this conversation's in what `record` keeps."""
        self.name = name
        self._keep = record
        self._thread = thread
        self._saver = saver
        self._graph = agent_graph(saver)
        self._config: Any = {
            "configurable": {"thread_id": thread},
            "recursion_limit": RECURSION_LIMIT,
        }
        self._task = task
        self._open_tree = open_tree
        self._tree: WorkingTree | None = None
        self.state: AgentState = self._load()
        self._heard_turns = 0
        self.asked = bool(self.state)
        """Whether the task was put together, which is followed by the first question."""

    @property
    def over(self) -> bool:
        return self.state.get("status") == ENDED

    @property
    def turns(self) -> int:
        """Answers until now; `state` does not know of those that came while the thread works."""
        return max(self.state.get("turns", 0), self._heard_turns)

    def record(self, step: Step) -> None:
        if step.kind == "answer":
            self._heard_turns = step.turn
        self._keep(step)
        self.asked = True

    @property
    def begun(self) -> bool:
        return bool(self.state.get("turns"))

    @property
    def choice(self) -> Choice | None:
        """The patch that this conversation stands for, once it is over."""
        key = self.state.get("choice", "")
        return Choice(key=key, reason=self.state.get("reason", "")) if key else None

    @property
    def candidate(self) -> CandidatePatch | None:
        """The candidate of this conversation that waits for its verdict."""
        if self.state.get("status") not in (SUBMITTED, FINAL, LATE):
            return None
        return restore(CandidatePatch, self.state["candidate"])

    def tree(self) -> WorkingTree:
        """The working copy, brought to where the last checkpoint left it."""
        tree = self._tree
        if tree is None:
            tree = self._tree = self._open_tree()
            tree.restore(self._load().get("files", {}))
        return tree

    def begin_with(self, sample: dict[str, Any]) -> None:
        """Start from a first answer that the first conversation of the proposer generated."""
        state = self._fresh()
        update = heard_sample(state, sample)
        self.record(answer_step(self.name, update, seconds=0.0))
        self._save(state | update)

    def run(self, context: AgentContext) -> None:
        """Go on until a candidate waits, a limit or the time is reached.

        Raises ModelError, SandboxError, Interrupted; the last checkpoint stands.
        """
        if self.over or self.candidate is not None:
            return
        next_nodes = self._graph.get_state(self._config).next
        initial: Any = None
        if not next_nodes:
            initial = {"paused": False}
            if not self.state:
                initial = self._fresh()
        try:
            self._graph.invoke(initial, self._config, context=context, durability="sync")
        finally:
            self.state = self._load()
        self.tidy()

    def _fresh(self) -> AgentState:
        state = fresh(self._task.first_messages(self.tree()))
        for number, message in enumerate(state["messages"]):
            self.record(message_step(self.name, "task", message, turn=0, index=number))
        return state

    def learn(self, verdict: Verdict) -> None:
        """Add the verdict on the waiting candidate to the conversation."""
        candidate = self.candidate
        if candidate is None:
            return
        turn, number = self.state["turns"], len(self.state["judged"])
        keys = [*self.state["judged"], key_of(candidate)]
        update: dict[str, Any] = {"judged": keys, "candidate": None}
        if verdict.plausible or self.state["status"] == FINAL:
            said_before = [self.state["ending"]] if self.state["ending"] else []
            passes = ["its patch passed the verdict"] if verdict.plausible else []
            ending = ", and ".join((*said_before, *passes))
            choice = keys[-1] if verdict.plausible else ""
            self.record(ending_step(self.name, turn, ending, number))
            self._save(update | {"status": ENDED, "ending": ending, "choice": choice})
            return
        line_at = no_line if self._tree is None else partial(line_of, self._tree)
        late = self.state["status"] == LATE
        notes = [NOT_SUBMITTED] if late else self.state["errors"]
        text = rejection(self._task.rejected, verdict, notes, line_at)
        answer = said("user", text) if late else said("tool", text, self.state["submit_call"])
        self.record(message_step(self.name, "rejection", answer, turn=turn, index=number))
        messages = [*self.state["messages"], answer]
        self._save(
            update
            | {"status": OPEN, "messages": messages if late else _in_order(messages)}
            | {"errors": []}
        )

    def tidy(self) -> None:
        """Remove older checkpoints: each holds the whole conversation, one is enough to go on."""
        keep_latest(self._saver, self._thread)

    def close(self) -> None:
        """Let go of the sandbox; the next action opens a fresh one. A command that another thread
        runs in it ends."""
        tree, self._tree = self._tree, None
        if tree is not None:
            tree.session.close()

    def _save(self, update: AgentState | dict[str, Any]) -> None:
        self._graph.update_state(self._config, dict(update), as_node="conclude")
        self.state = self._load()

    def _load(self) -> AgentState:
        values: Any = self._graph.get_state(self._config).values
        return cast(AgentState, values or {})


def _in_order(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The answers of the last turn in the order of its calls: `submit` may not be the last."""
    turn = max(i for i, message in enumerate(messages) if message["role"] == "assistant")
    order = [call["call_id"] for call in messages[turn]["tool_calls"]]
    answers = sorted(messages[turn + 1 :], key=lambda answer: order.index(answer["tool_call_id"]))
    return [*messages[: turn + 1], *answers]
