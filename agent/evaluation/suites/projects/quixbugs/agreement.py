"""Whether an answer agrees with the correct version on inputs that are in no test.

Each of the two runs in a sandbox session of its own and tells its results; they are compared here,
where neither can reach.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from agent.evaluation.grading.program import ProgramEnding
from agent.evaluation.grading.sandbox_provider import SandboxProvider
from agent.evaluation.suites.projects.quixbugs.allowed_results import is_allowed
from agent.evaluation.suites.projects.quixbugs.inputs import Arguments

SECONDS = 60.0
"""For one program on all inputs."""
VALUE = "value"
OUT_OF_TIME = frozenset({"hung", "stopped"})
"""Calls without a result, and those that were not made any more after some of these."""
Result = tuple[str, str]
"""How a call ended, and what it gave, as text: `told` of the guest program."""


class Unloadable(Exception):
    """A program has no results; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How two programs compare over the inputs."""

    compared: int = 0
    """Inputs on which the correct version has a result: no others say anything."""
    differing: int = 0
    """Results that are not what the program's description allows."""
    not_identical: int = 0
    """Results that are not equal, allowed or not."""
    example: str = ""
    """The first that differs; untrusted."""

    @property
    def agrees(self) -> bool:
        return self.compared > 0 and not self.differing


def agreement_on(
    name: str, asked: Sequence[Arguments], right: Sequence[Result], other: Sequence[Result]
) -> Agreement:
    """Compare what two programs said to the same inputs."""
    compared = differing = not_identical = 0
    example = ""
    for arguments, expected, actual in zip(asked, right, other, strict=True):
        if expected[0] != VALUE:
            continue
        compared += 1
        if expected == actual:
            continue
        not_identical += 1
        if not _is_right(name, arguments, expected, actual):
            differing += 1
            example = example or f"{arguments!r:.120} gives {_shown(actual)}"
    return Agreement(
        compared=compared, differing=differing, not_identical=not_identical, example=example
    )


def results_of(
    sandbox_provider: SandboxProvider, text: str, name: str, asked: Sequence[Arguments]
) -> list[Result]:
    """What a program says to the inputs. Raises Unloadable, SandboxError."""
    with sandbox_provider.runner(SECONDS) as runner:
        ending = runner.run(_program(text, name, asked))
    return results_told(ending, len(asked))


def _program(text: str, name: str, asked: Sequence[Arguments]) -> str:
    request = json.dumps([text, name, list(asked)])
    return f"{_guest()}\nmain(*json.loads({request!r}))\n"


@cache
def _guest() -> str:
    folder = files(__name__.rpartition(".")[0]).joinpath("guest_programs")
    return folder.joinpath("calls.py").read_text(encoding="utf-8")


def results_told(ending: ProgramEnding, number: int) -> list[Result]:
    """What the guest program wrote. Raises Unloadable."""
    if not ending.passed:
        raise Unloadable(f"it ended early: {ending.grade().why}")
    try:
        said = json.loads(ending.command.stdout)
        if isinstance(said.get("unloadable"), str):
            raise Unloadable(f"it cannot be loaded: {said['unloadable']}")
        results = [(how, text) for how, text in said["results"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unloadable("what it says of its results cannot be read") from error
    if len(results) != number or not all(isinstance(part, str) for r in results for part in r):
        raise Unloadable("it says something else than its results")
    return results


def _is_right(name: str, arguments: Arguments, expected: Result, actual: Result) -> bool:
    if actual[0] != VALUE:
        return False
    try:
        right, other = _value(json.loads(expected[1])), _value(json.loads(actual[1]))
    except (ValueError, TypeError, IndexError, RecursionError):
        return False
    return is_allowed(name, arguments, right, other)


def _value(told: Any) -> Any:
    """From the guest program's form of a value to the value."""
    if not isinstance(told, list):
        return told
    kind, items = told[0], told[1:]
    if kind == "int":
        return int(items[0], 16)
    if kind == "dict":
        return {_value(key): _value(item) for key, item in items}
    kinds = {"list": list, "tuple": tuple, "set": set}
    if kind not in kinds:
        raise ValueError(f"no value: {kind!r:.80}")
    return kinds[kind](map(_value, items))


def _shown(result: Result) -> str:
    how, text = result
    return f"{text:.120}" if how == VALUE else f"{how} {text:.120}".strip()
