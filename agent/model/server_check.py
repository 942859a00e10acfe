"""Whether a model works here, and how fast beside what the memory allows."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from agent.model.base import (
    Completion,
    GenerationParams,
    Message,
    ModelBackend,
    Tool,
    ToolChoice,
)
from agent.model.openai_api.client import RemoteModel
from agent.model.openai_api.server_traps import Outcome, TrapResult, try_traps

_QUESTION = "Read the file `calendar.py`, lines 10 to 20, with the tool."
_VIEW = Tool(
    name="view_lines",
    description="Show lines of a file.",
    parameters={
        "type": "object",
        "properties": {
            "path": {"type": "string"},
            "first": {"type": "integer"},
            "last": {"type": "integer"},
        },
        "required": ["path", "first", "last"],
    },
)


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Generation of `rows` answers at once."""

    rows: int
    tokens: int
    seconds: float

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, kw_only=True)
class ModelCheck:
    """Result of checking a model: its tool call, its speed and what went wrong."""

    name: str
    context_window: int
    call: str
    """The tool call that was parsed, as text; empty when there was none."""
    complaint: str
    """Why there was no call; empty when there was one."""
    speeds: tuple[Speed, ...]
    floor_tokens_per_second: float | None = None
    """Most that reading all weights once per token allows at one row; None where unknown."""
    start_up: tuple[str, ...] = ()
    traps: tuple[TrapResult, ...] = ()
    """Known faults of servers, tried on this one; none for a model in this process."""

    @property
    def ok(self) -> bool:
        """It can call a tool, and its server has no known fault that a repair would suffer from."""
        return bool(self.call) and not any(t.outcome is Outcome.FALLEN_INTO for t in self.traps)

    def lines(self) -> list[str]:
        """The result as lines for a terminal."""
        text = [*self.start_up, f"model      {self.name}, {self.context_window} tokens of context"]
        call = self.call or f"none: {self.complaint}"
        text.append(f"tool call  {call}")
        for speed in self.speeds:
            rate = f"{speed.tokens_per_second:.1f} tokens/s"
            share = ""
            if speed.rows == 1 and self.floor_tokens_per_second:
                part = speed.tokens_per_second / self.floor_tokens_per_second
                share = (
                    f", {part:.0%} of the {self.floor_tokens_per_second:.0f} tokens/s that the "
                    "memory's bandwidth allows"
                )
            text.append(f"speed      {rate} with {speed.rows} at once{share}")
        return text + [f"trap       {trap.line()}" for trap in self.traps]

    def to_json(self) -> dict[str, object]:
        """The result as plain JSON types. Speeds are tokens and seconds."""
        return {
            "ok": self.ok,
            "name": self.name,
            "context_window": self.context_window,
            "call": self.call,
            "complaint": self.complaint,
            "speeds": [asdict(speed) for speed in self.speeds],
            "floor_tokens_per_second": self.floor_tokens_per_second,
            "start_up": list(self.start_up),
            "traps": [
                {"name": trap.name, "outcome": trap.outcome.value, "detail": trap.detail}
                for trap in self.traps
            ],
        }


def check_model(
    model: ModelBackend,
    *,
    rows: tuple[int, ...] = (1, 4),
    max_tokens: int = 128,
    floor_tokens_per_second: float | None = None,
    start_up: tuple[str, ...] = (),
    tell: Callable[[str], None] = lambda _: None,
) -> ModelCheck:
    """Ask for a tool call, time generation, then try what servers are known to get wrong.

    Raises what `generate` raises. `tell` hears what takes long, before it is done.
    """
    tell("asking for a tool call")
    call, complaint = _try_call(model)
    speeds = []
    for count in rows:
        tell(f"timing {max_tokens} tokens, {count} at once")
        speeds.append(_time(model, count, max_tokens))
    return ModelCheck(
        name=model.name,
        context_window=model.context_window,
        call=call,
        complaint=complaint,
        speeds=tuple(speeds),
        floor_tokens_per_second=floor_tokens_per_second,
        start_up=start_up,
        traps=try_traps(model, tell) if isinstance(model, RemoteModel) else (),
    )


def _try_call(model: ModelBackend) -> tuple[str, str]:
    """The first call parsed, free at first as in real use, then constrained."""
    messages = [Message(role="user", content=_QUESTION)]
    room = min(2048, model.context_window // 4)
    complaint = ""
    for choice in (ToolChoice.AUTO, ToolChoice.REQUIRED):
        params = GenerationParams(
            max_tokens=room, thinking_budget=room // 4, tool_choice=choice, seed=0
        )
        (answer,) = model.generate(messages, [_VIEW], params)
        if answer.message.tool_calls:
            call = answer.message.tool_calls[0]
            arguments = ", ".join(f"{key}={value!r}" for key, value in call.arguments.items())
            note = " (only when constrained)" if choice is ToolChoice.REQUIRED else ""
            return f"{call.name}({arguments}){note}"[:200], ""
        complaint = " ".join(answer.format_errors) or _answer_text(answer)
    return "", complaint


def _answer_text(answer: Completion) -> str:
    return f"the model wrote text instead: {answer.message.content[:120]!r}"


def _time(model: ModelBackend, rows: int, max_tokens: int) -> Speed:
    messages = [Message(role="user", content="Write a long story about a compiler.")]
    params = GenerationParams(max_tokens=max_tokens, seed=0)
    start = time.monotonic()
    answers = model.generate(messages, (), params, rows)
    seconds = time.monotonic() - start
    return Speed(rows=rows, tokens=sum(a.usage.completion_tokens for a in answers), seconds=seconds)
