"""Behaviour difference between base and patch on generated calls, which no test makes.

The calls of the tests are repeated with near neighbours of their arguments, in the base and in
the patched code, each in a sandbox of its own. A repair changes what was wrong; one that
overfits changes only the test's own input, or much that was right. Nothing is rejected for it.
"""

from __future__ import annotations

import copy
import hashlib
import json
import random
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from agent.patches.changes import FileChange
from agent.records import BehaviourDifference, ChangedAnswer
from agent.untrusted_text import shortened
from agent.validation.differential.calls.near_answers import unchanged_near
from agent.validation.differential.calls.shown_calls import (
    MAX_SHOWN_CHARACTERS,
    shown_call,
    value_of,
)
from sandbox.base import Session
from sandbox.languages.python.runners.pytest import PytestSetup
from sandbox.languages.python.runners.split.messages import MachineQuestions, Message, Side, placed
from sandbox.languages.python.runners.split.server import Server

MAX_RECORDED_CALLS = 60
MUTANTS_PER_CALL = 4
"""Changed copies of each recorded call."""
NEAR_MUTANTS_PER_CALL = 20
"""Of each call of a failing test, where the question is whether the patch fits it alone."""
GENERATED_CALLS_SECONDS = 4.0
"""For all of them; calls that remain then are not made."""
GENERATED_CALL_SECONDS = 0.5
SEED = 20261124
MAX_SHOWN_ANSWERS = 3
_SECRET = secrets.token_hex(16)
_PLAIN = (bool, int, float, str)


@dataclass(frozen=True, kw_only=True)
class GeneratedCalls:
    """What came of the generated calls."""

    difference: BehaviourDifference | None = None
    """None where no call can be generated."""
    asked: MachineQuestions = field(default_factory=dict)
    """What the patch asked of the machine."""
    base_asked: MachineQuestions = field(default_factory=dict)
    """What the base did, on these calls and on those of the tests."""


def behaviour_difference(
    questions: Sequence[Message],
    changes: Mapping[str, FileChange],
    open_session: Callable[[], Session],
    setup: PytestSetup,
    asked: MachineQuestions,
) -> GeneratedCalls:
    """Make the same generated calls on base and patch; takes a few seconds. Where the patch asked
    the machine for something (`asked`), the base repeats the recorded calls.

    Raises SandboxError for infrastructure only.
    """
    calls = list(neighbours_of(questions))
    replays = _replayable(questions) if any(asked.values()) else []
    if not (calls or replays):
        return GeneratedCalls()
    with open_session() as base_session, open_session() as patch_session:
        for path, (_, new) in changes.items():
            if new is not None:
                patch_session.write(path, new)
        base, patch = Server(base_session, setup), Server(patch_session, setup)
        modules = sorted({call["ask"]["module"] for call in (*calls, *replays)})
        if base.load(modules) or patch.load(modules):
            return GeneratedCalls(asked=patch.asked, base_asked=base.asked)
        difference = _compared(calls, base, patch) if calls else None
        if difference is not None:
            near = _unchanged_near(questions, base, patch) if _is_same(difference) else 0
            difference = replace(difference, near_unchanged=near)
        _repeat(replays, base)
        return GeneratedCalls(difference=difference, asked=patch.asked, base_asked=base.asked)


def _repeat(calls: Sequence[Message], server: Server) -> None:
    """Make the calls that the tests made, for what they ask of the machine."""
    began = time.monotonic()
    for call in calls:
        if time.monotonic() - began > GENERATED_CALLS_SECONDS:
            break
        answer_text(server, call, Side.BASE)


def _compared(calls: Sequence[Message], base: Server, patch: Server) -> BehaviourDifference:
    began = time.monotonic()
    counts = {"compared": 0, "changed": 0, "raises": 0, "cured": 0}
    examples = {"changed": "", "raises": ""}
    answers = list[ChangedAnswer]()
    for call in calls:
        if time.monotonic() - began > GENERATED_CALLS_SECONDS:
            break
        base_answer, repeated_answer = (answer_text(base, call, Side.BASE) for _ in range(2))
        if base_answer is None or base_answer != repeated_answer:
            continue  # cannot cross, or depends on more than its arguments
        patch_answer = steady_answer(patch, call, base_answer)
        if patch_answer is None:
            continue
        counts["compared"] += 1
        kind = _kind(base_answer, patch_answer)
        if kind is not None:
            counts[kind] += 1
            if kind in examples and not examples[kind]:
                examples[kind] = shown_call(call)
            answers += told_apart(shown_call(call), base_answer, patch_answer)
    return BehaviourDifference(
        **counts,
        example=examples["changed"] or examples["raises"],
        raises_example=examples["raises"],
        answers=tuple(answers[:MAX_SHOWN_ANSWERS]),
    )


def told_apart(call: str, base_answer: str, patch_answer: str) -> tuple[ChangedAnswer, ...]:
    """Both answers to a call as people read them; empty where these look alike."""
    before, after = (
        shortened(value_of(text), MAX_SHOWN_CHARACTERS) for text in (base_answer, patch_answer)
    )
    return () if before == after else (ChangedAnswer(call=call, before=before, after=after),)


def _is_same(difference: BehaviourDifference) -> bool:
    return not (difference.changed or difference.raises or difference.cured)


def _unchanged_near(questions: Sequence[Message], base: Server, patch: Server) -> int:
    """`BehaviourDifference.near_unchanged` of these calls of the failing tests."""
    calls = list(near_calls(questions))
    answers: list[tuple[str | None, str | None]] = []
    began = time.monotonic()
    for _, call in calls:
        if time.monotonic() - began > GENERATED_CALLS_SECONDS:
            break
        first, again = (answer_text(base, call, Side.BASE) for _ in range(2))
        is_steady = first is not None and first == again
        answers.append(
            (first, steady_answer(patch, call, first or "")) if is_steady else (None, None)
        )
    return unchanged_near([place for place, _ in calls], answers)


def _kind(base_answer: str, patch_answer: str) -> str | None:
    if base_answer == patch_answer:
        return None
    if not base_answer.startswith("returned"):
        return "cured" if patch_answer.startswith("returned") else None
    return "changed" if patch_answer.startswith("returned") else "raises"


def steady_answer(patch: Server, call: Message, base_answer: str) -> str | None:
    """What the patch gives for it, as text. Asked again where the base returned and the patch does
    not, since that speaks against it: None where it then gives something else, as a busy machine
    makes a call hang."""
    text = answer_text(patch, call, Side.PATCH)
    if text is None or text.startswith("returned") or not base_answer.startswith("returned"):
        return text
    return text if answer_text(patch, call, Side.PATCH) == text else None


def answer_text(server: Server, call: Message, side: Side) -> str | None:
    """What the call gave as one text; None when it cannot be compared."""
    # The same for base and patch; another for each call, and nothing that the code could know.
    seed = f"{_SECRET}{json.dumps([call.get('value'), call.get('nodes')])}"
    seed = hashlib.sha256(seed.encode()).hexdigest()
    question = {**placed(call, side), "seed": seed, "limit": GENERATED_CALL_SECONDS}
    answer = server.ask(question, GENERATED_CALL_SECONDS * 4)
    ending = answer.get("how")
    if ending == "returned":
        # A handle stands for an iterator or a function: nothing is known of what is in it.
        parts = [answer.get("value"), answer.get("nodes")]
        return None if _has_handle(parts) else f"returned {json.dumps(parts)}"
    if ending == "raised":
        kinds = [
            ".".join(content[1]) for _, content in answer.get("nodes", ()) if content[0] == "o"
        ]
        return f"raised {json.dumps(kinds[:1])}"
    return str(ending) if ending in ("hung", "left") else None


def _has_handle(packed: Any) -> bool:
    if isinstance(packed, list):
        if len(packed) == 2 and packed[0] in ("i", "f", "b"):
            return True
        return any(_has_handle(part) for part in packed)
    return False


def neighbours_of(questions: Sequence[Message]) -> Iterator[Message]:
    """Recorded calls that hold no handle, each different, and their near neighbours."""
    replayable = _replayable(questions)
    seen_texts = {json.dumps(question) for question in replayable}
    source = random.Random(SEED)  # noqa: S311 (not for secrets)
    for _ in range(MUTANTS_PER_CALL):
        for question in replayable[:MAX_RECORDED_CALLS]:
            mutant = copy.deepcopy(question)
            if _mutate(mutant, source) and json.dumps(mutant) not in seen_texts:
                seen_texts.add(json.dumps(mutant))
                yield mutant


def near_calls(questions: Sequence[Message]) -> Iterator[tuple[int, Message]]:
    """Recorded calls of failing tests, each with its own place among them, and then neighbours of
    them, each with the place of the call that it is near to."""
    calls = _replayable(questions)[:MAX_RECORDED_CALLS]
    yield from enumerate(calls)
    seen_texts = {json.dumps(question) for question in calls}
    source = random.Random(SEED)  # noqa: S311 (not for secrets)
    for _ in range(NEAR_MUTANTS_PER_CALL):
        for place, question in enumerate(calls):
            mutant = copy.deepcopy(question)
            if _mutate(mutant, source) and json.dumps(mutant) not in seen_texts:
                seen_texts.add(json.dumps(mutant))
                yield place, mutant


def _replayable(questions: Sequence[Message]) -> list[Message]:
    """Recorded calls that hold no handle, each once."""
    by_text = {json.dumps(question): question for question in questions}
    return [q for q in by_text.values() if not _has_handle([q["value"], q["nodes"]])]


def _mutate(question: Message, source: random.Random) -> bool:
    """Change one plain value in the arguments, as they cross; False where there is none."""
    places = list(_places(question["value"]))
    for _, content in question["nodes"]:
        if content[0] in ("list", "dict", "set"):
            places += list(_places(content[1]))
        elif content[0] == "o":
            for pair in content[3]:
                places += [(pair, 1)] if isinstance(pair[1], _PLAIN) else []
    if not places:
        return False
    holder, index = source.choice(places)
    holder[index] = neighbour(holder[index], source)
    return True


def _places(packed: Any) -> Iterator[tuple[list[Any], int]]:
    """Where plain values stand; the first item of a tagged list is its tag."""
    if not isinstance(packed, list):
        return
    tag = packed[0] if packed and isinstance(packed[0], str) and len(packed[0]) == 1 else None
    if tag is not None and tag not in ("t", "F"):
        return
    for index, item in enumerate(packed):
        if index == 0 and tag is not None:
            continue
        if isinstance(item, _PLAIN):
            yield packed, index
        else:
            yield from _places(item)


def neighbour(value: bool | float | str, source: random.Random) -> bool | float | str:
    """A plain value near this one."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return source.choice((value + 1, value - 1, -value, value * 2, 0, 1))
    position = source.randrange(len(value) + 1)
    return source.choice(
        (
            value[:position] + value[position + 1 :],
            value[:position] + source.choice(" aZ0-_.,") + value[position:],
            value + value,
            value[:position],
            value.upper(),
        )
    )
