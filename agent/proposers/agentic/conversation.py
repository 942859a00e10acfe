"""One conversation with the model, resumable at any turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from agent.prompts import prompt
from agent.proposers.agentic.agent_context import AgentContext, Task
from agent.proposers.agentic.candidate import key_of
from agent.proposers.agentic.conversation_graph import agent_graph, heard_sample
from agent.proposers.agentic.conversation_state import (
    ENDED,
    FINAL,
    OPEN,
    SUBMITTED,
    AgentState,
    fresh,
    said,
)
from agent.proposers.agentic.tools.working_copy import WorkingTree
from agent.records import CandidatePatch, Verdict
from agent.runs.checkpoints import Saver, keep_latest
from agent.serialization import restore

RECURSION_LIMIT = 10_000
MAX_SHOWN_OBJECTIONS = 12
MAX_SHOWN_TESTS = 6


class Conversation:
    """A thread in the run's checkpoint file, and the sandbox it works in."""

    def __init__(
        self,
        thread: str,
        saver: Saver,
        task: Task,
        open_tree: Callable[[], WorkingTree],
    ) -> None:
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

    @property
    def over(self) -> bool:
        return self.state.get("status") == ENDED

    @property
    def begun(self) -> bool:
        return bool(self.state.get("turns"))

    @property
    def candidate(self) -> CandidatePatch | None:
        """The candidate of this conversation that waits for its verdict."""
        if self.state.get("status") not in (SUBMITTED, FINAL):
            return None
        return restore(CandidatePatch, self.state["candidate"])

    def tree(self) -> WorkingTree:
        """The working copy, brought to where the last checkpoint left it."""
        if self._tree is None:
            self._tree = self._open_tree()
            self._tree.restore(self._load().get("files", {}))
        return self._tree

    def begin_with(self, sample: dict[str, Any]) -> None:
        """Start from a first answer that the first conversation of the proposer generated."""
        state = fresh(self._task.first_messages(self.tree()))
        self._save(state | heard_sample(state, sample))

    def run(self, context: AgentContext) -> None:
        """Go on until a candidate waits, a limit or the time is reached.

        Raises ModelError, SandboxError, Interrupted; the last checkpoint stands.
        """
        if self.over or self.candidate is not None:
            return
        pending = self._graph.get_state(self._config).next
        initial: Any = None
        if not pending:
            initial = {"paused": False}
            if not self.state:
                initial = fresh(self._task.first_messages(self.tree()))
        try:
            self._graph.invoke(initial, self._config, context=context, durability="sync")
        finally:
            self.state = self._load()
        self.tidy()

    def learn(self, verdict: Verdict) -> None:
        """Add the verdict on the waiting candidate to the conversation."""
        candidate = self.candidate
        if candidate is None:
            return
        judged = [*self.state["judged"], key_of(candidate)]
        update: dict[str, Any] = {"judged": judged, "candidate": None}
        if verdict.plausible or self.state["status"] == FINAL:
            ending = "its patch passed the verdict" if verdict.plausible else self.state["ending"]
            self._save(update | {"status": ENDED, "ending": ending})
            return
        text = rejection(self._task.rejected, verdict, self.state["errors"])
        answer = said("tool", text, self.state["submit_call"])
        messages = [*self.state["messages"], answer]
        self._save(update | {"status": OPEN, "messages": _in_order(messages), "errors": []})

    def tidy(self) -> None:
        """Remove older checkpoints: each holds the whole conversation, one is enough to go on."""
        keep_latest(self._saver, self._thread)

    def close(self) -> None:
        """Let go of the sandbox; the next action opens a fresh one."""
        if self._tree is not None:
            self._tree.session.close()
            self._tree = None

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


def rejection(name: str, verdict: Verdict, notes: list[str]) -> str:
    """Why a candidate was rejected, for the model, by the prompt `name`."""
    lines = [f"- {sentence}" for sentence in (*notes, *verdict.objections[:MAX_SHOWN_OBJECTIONS])]
    excess = len(verdict.objections) - MAX_SHOWN_OBJECTIONS
    if excess > 0:
        lines.append(f"- and {excess} more objections")
    for title, outcomes in (
        ("Tests that must pass", verdict.fail_to_pass),
        ("Tests that passed before", verdict.pass_to_pass),
    ):
        failures = [
            f"{test}: {outcome}" for test, outcome in outcomes.items() if outcome != "passed"
        ]
        if outcomes:
            failure_lines = "".join(f"\n  {line}" for line in failures[:MAX_SHOWN_TESTS])
            lines.append(
                f"- {title}: {len(outcomes) - len(failures)} of {len(outcomes)} pass{failure_lines}"
            )
    return prompt(name, objections="\n".join(lines))
