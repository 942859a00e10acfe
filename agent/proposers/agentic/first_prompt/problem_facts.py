"""What is known of a failure when the model is asked first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from agent.records import SuspiciousLine
from sandbox.runners.base import TestResult

Place = tuple[str, int]
"""Path and line."""


def no_text(_path: str) -> str | None:
    return None


@dataclass(frozen=True, kw_only=True)
class ProblemFacts:
    """Facts about the problem for the first messages to the model. All of it but the numbers is
    text of the target: data, never instructions."""

    problem_statement: str
    language: str = "Python"
    failures: Mapping[str, TestResult]
    """Failing test → how it failed."""
    suspicious: Sequence[SuspiciousLine]
    """Most suspicious first."""
    source_text: Callable[[str], str | None] = no_text
    """Text of a source file of the project; None for anything else."""
    test_text: Callable[[str], str | None] = no_text
    """Text of any file that tests lie in."""
    paths: Sequence[str] = ()
    """Every file of the project."""
    values: Mapping[Place, Sequence[Mapping[str, str]]] = field(default_factory=dict)
    """Place → names and what they were there in a failing test, once a visit."""
    learnt: str = ""
    """What a search found out, in one sentence; empty where it is of no use."""
    how_tests_run: str = ""
    """One sentence."""
    asked: bool = False
    """The failing tests show the problem stated; others would not count."""
    others: Sequence[str] = ()
    """Tests that fail, too, and are not to be made to pass."""
    conventions: Mapping[str, str] = field(default_factory=dict)
    """File of the project that speaks to whoever edits it → its text."""
