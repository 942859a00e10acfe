"""What servers of this family of models are known to do to an answer, tried on one of them.

Each probe asks for something whose right answer is known, and looks at what came twice: as the
server gave it, and as we read it. Where only the first is wrong, it is worked around.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from agent.model.base import GenerationParams, Message
from agent.model.errors import ModelError
from agent.model.openai_api.client import RemoteModel
from agent.model.openai_api.dialects import Fields
from agent.model.openai_api.trap_questions import asked, asking, thought_tokens, written

_BUDGET_TOKENS = 64
_BUDGET_FACTOR = 4
"""A server that keeps a budget ends the thinking with a sentence or two of its own."""
_LONG_LINES = 60
_PREFIX_WORDS = 3_000
"""Enough for two blocks of vLLM's hybrid cache, which keeps whole blocks of up to 1,584 tokens."""


class Outcome(StrEnum):
    AVOIDED = "avoided"  # the server does it right
    WORKED_AROUND = "worked around"  # the server does it wrong, and a repair does not notice
    FALLEN_INTO = "fallen into"  # a repair suffers from it
    UNCLEAR = "unclear"  # the model did something else, or the server does not say


@dataclass(frozen=True, kw_only=True)
class TrapResult:
    """One known fault, and whether this server has it."""

    name: str
    outcome: Outcome
    detail: str
    """One sentence: what came, and what to do."""

    def line(self) -> str:
        return f"{self.name:<18} {self.outcome.value}: {self.detail}"


Probe: TypeAlias = Callable[[RemoteModel], tuple[Outcome, str]]


def try_traps(
    model: RemoteModel, tell: Callable[[str], None] = lambda _: None
) -> tuple[TrapResult, ...]:
    """Try all of them; takes a dozen answers. A probe that the server refuses is unclear.

    `tell` hears the name of each before it is tried. Raises ModelUnavailable.
    """
    results = []
    for name, probe in PROBES.items():
        tell(f"trying: {name}")
        try:
            outcome, detail = probe(model)
        except ModelError as error:
            if error.retryable:
                raise
            outcome, detail = Outcome.UNCLEAR, str(error)
        results.append(TrapResult(name=name, outcome=outcome, detail=detail))
    return tuple(results)


def _indentation(model: RemoteModel) -> tuple[Outcome, str]:
    text = "    if ready:\n        start()\n\n    stop()"
    _, read = written(model, [text])
    if read != [text]:
        same_words = len(read) == 1 and str(read[0]).split() == text.split()
        if same_words:
            return Outcome.FALLEN_INTO, (
                "white space at the border of an argument is lost, so edits that depend on the "
                "indentation break; use another tool parser"
            )
        return _other(read)
    return Outcome.AVOIDED, "arguments keep their white space"


def _null(model: RemoteModel) -> tuple[Outcome, str]:
    raw, read = written(model, ["null"])
    if read != ["null"]:
        return _other(read)
    if raw != ["null"]:
        return Outcome.WORKED_AROUND, "the text `null` comes as nothing; it is taken for the text"
    return Outcome.AVOIDED, "the text `null` stays one"


def _call_in_thinking(model: RemoteModel) -> tuple[Outcome, str]:
    question = (
        "Do not close your thinking. Write the call inside it, right after a few words, and end "
        f"your answer there. {asking(['inside'])}"
    )
    answer, completion = asked(model, question)
    parts = answer.choices[0]
    if not completion.message.tool_calls:
        if not parts.content.strip() and not parts.calls:
            return Outcome.FALLEN_INTO, "a call that stands inside the thinking is lost"
        return Outcome.UNCLEAR, "the model wrote text instead of a call"
    if parts.calls and "<tool_call>" not in parts.reasoning:
        return Outcome.UNCLEAR, "the model closed its thinking first; nothing was lost"
    if parts.calls:
        return Outcome.AVOIDED, "a call inside the thinking is found by the server"
    return Outcome.WORKED_AROUND, "a call inside the thinking is left there; it is read out of it"


def _two_calls(model: RemoteModel) -> tuple[Outcome, str]:
    texts = ["first", "second"]
    for _ in range(2):
        raw, read = written(model, texts)
        if read == texts:
            if raw == texts:
                return Outcome.AVOIDED, "two calls of one answer both come"
            return Outcome.WORKED_AROUND, "the calls of an answer come as text; they are read here"
    if len(read) == 1:
        return Outcome.FALLEN_INTO, (
            "of two calls in one answer one came, twice in a row: it costs turns, and the model is "
            "not told"
        )
    return _other(read)


def _long_argument(model: RemoteModel) -> tuple[Outcome, str]:
    text = "\n".join(f"{n:02d}: value_{n} = compute({n}, 'row {n}')" for n in range(_LONG_LINES))
    way = "" if model.streams_calls else " (asked for in one piece)"
    _, read = written(model, [text])
    if read == [text]:
        return Outcome.AVOIDED, f"an argument of {_LONG_LINES} lines comes whole{way}"
    if len(read) != 1 or not isinstance(read[0], str):
        return _other(read)
    count = sum(line not in read[0].split("\n") for line in text.split("\n"))
    _, whole = written(model, [text], stream=False)
    if model.streams_calls and whole == [text]:
        return Outcome.FALLEN_INTO, (
            f"{count} of {_LONG_LINES} lines of an argument are damaged when it is streamed, none "
            "when it comes in one piece"
        )
    return Outcome.FALLEN_INTO, f"{count} of {_LONG_LINES} lines of an argument are damaged"


def _prefix_reuse(model: RemoteModel) -> tuple[Outcome, str]:
    words = " ".join(f"word{n % 997}" for n in range(min(_PREFIX_WORDS, model.context_window // 8)))
    question = [
        Message(role="system", content=f"These words mean nothing. {words}"),
        Message(role="user", content="Say yes."),
    ]
    params = GenerationParams(max_tokens=16, thinking=False)
    model.ask(question, (), params)
    usage = model.ask(question, (), params).usage
    details = usage.get("prompt_tokens_details")
    hits = details.get("cached_tokens") if isinstance(details, dict) else None
    if not isinstance(hits, int):
        return Outcome.UNCLEAR, (
            "the server does not say what it found of a prompt (vLLM: "
            "--enable-prompt-tokens-details, SGLang: --enable-cache-report)"
        )
    if hits:
        return Outcome.AVOIDED, f"{hits} of {usage.get('prompt_tokens')} tokens are found again"
    return Outcome.FALLEN_INTO, "a prompt is computed anew each turn; turn prefix caching on"


def _several(model: RemoteModel) -> tuple[Outcome, str]:
    question = [Message(role="user", content="Say yes.")]
    answer = model.ask(question, (), GenerationParams(max_tokens=16, thinking=False), 2)
    if len(answer.choices) == 2:
        return Outcome.AVOIDED, "two answers come from one prompt"
    return Outcome.WORKED_AROUND, "one answer comes whatever `n` is; the others are asked for"


def _thinking_budget(model: RemoteModel) -> tuple[Outcome, str]:
    question = [
        Message(
            role="user",
            content="Think for a long time, at least forty steps: how many primes are below 200?",
        )
    ]
    params = GenerationParams(max_tokens=2048, thinking_budget=_BUDGET_TOKENS)
    answer = model.ask(question, (), params)
    tokens = thought_tokens(answer)
    if model.fields is not Fields.ALL:
        return Outcome.FALLEN_INTO, (
            "the server refuses a thinking budget (vLLM: start it with --reasoning-parser); an "
            "answer that is all thinking is asked for again without"
        )
    if not tokens:
        return Outcome.UNCLEAR, "the model did not think"
    if tokens > _BUDGET_FACTOR * _BUDGET_TOKENS:
        return Outcome.FALLEN_INTO, (
            f"of a budget of {_BUDGET_TOKENS} tokens it used about {tokens}: the field is ignored "
            "(SGLang: --enable-strict-thinking)"
        )
    return Outcome.AVOIDED, f"a thinking budget of {_BUDGET_TOKENS} tokens is kept"


PROBES: dict[str, Probe] = {
    "indentation": _indentation,
    "null": _null,
    "call in thinking": _call_in_thinking,
    "two calls": _two_calls,
    "long argument": _long_argument,
    "prefix reuse": _prefix_reuse,
    "several answers": _several,
    "thinking budget": _thinking_budget,
}


def _other(read: Sequence[object]) -> tuple[Outcome, str]:
    return Outcome.UNCLEAR, f"the model did not do what it was asked: {list(read)!r:.100}"
