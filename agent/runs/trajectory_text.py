"""A trajectory in words: in full for the terminal, in a line each for a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agent.runs.trajectory import FULL, Step
from agent.untrusted_text import printable, printable_lines
from agent.wording import counted, duration

VERDICT = "verdict"
MAX_SHOWN_LINES = 60
"""Of one text; the file holds more of it."""
MAX_DIGEST_STEPS = 160
MAX_DIGEST_CHARACTERS = 240
"""Of one line."""


def in_full(steps: Sequence[Step]) -> Iterator[str]:
    """Lines for people, each safe to print."""
    for step in steps:
        yield f"── {_heading(step)}"
        for text in (step.thinking, step.text, *map(_call, step.calls)):
            yield from _indented(text)


def digest(steps: Sequence[Step]) -> tuple[str, ...]:
    """One line a step, without the first messages; of a long trajectory its head and tail."""
    lines = [_digest_line(step) for step in steps if step.kind not in ("task", FULL)]
    if len(lines) <= MAX_DIGEST_STEPS:
        return tuple(lines)
    half = MAX_DIGEST_STEPS // 2
    left_out = f"… {len(lines) - 2 * half} steps left out"
    return (*lines[:half], left_out, *lines[-half:])


def _heading(step: Step) -> str:
    name = printable(step.conversation)
    place = f"{name}, turn {step.turn}"
    if step.kind == VERDICT:
        place = f"verdict {step.turn}, on a patch by {name}"
    words = [f"{place}: {_kind(step)}"]
    if step.tokens:
        words.append(counted(step.tokens, "token"))
    if step.seconds:
        words.append(duration(step.seconds))
    return ", ".join(words)


def _kind(step: Step) -> str:
    if step.kind == VERDICT:
        return "passes the verdict" if step.plausible else "rejected"
    if step.kind == FULL:
        return "the file is full: what follows was not written"
    return printable(step.kind)


def _digest_line(step: Step) -> str:
    texts = [*map(_call, step.calls)] or [step.text or step.thinking]
    first = " ".join("; ".join(texts).split())
    line = f"{_heading(step)}: {printable(first)}"
    # From its end, never out of its middle: what is left of a secret then begins as one does.
    whole = len(line) <= MAX_DIGEST_CHARACTERS
    return line if whole else f"{line[: MAX_DIGEST_CHARACTERS - 1]}…"


def _call(call: dict[str, object]) -> str:
    arguments = call.get("arguments")
    values = arguments.values() if isinstance(arguments, dict) else ()
    return " ".join((str(call.get("name")), *map(str, values)))


def _indented(text: str) -> Iterator[str]:
    lines = printable_lines(text.strip("\n")) if text.strip() else []
    for line in lines[:MAX_SHOWN_LINES]:
        yield f"   {line}"
    if len(lines) > MAX_SHOWN_LINES:
        yield f"   … {counted(len(lines) - MAX_SHOWN_LINES, 'more line')}"
