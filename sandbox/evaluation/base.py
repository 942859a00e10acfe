"""What is asked of candidates, quickly: a filter for the search, never a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from sandbox.source import SourceEdit

AHEAD_PER_WORKER = 3
"""Candidates handed over before one is done."""

State = Literal[
    "passed", "target_failed", "regressed", "does_not_compile", "timed_out", "crashed", "observed"
]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The outcome of one candidate patch."""

    number: int
    """The caller's number of the candidate."""
    state: State
    outcomes: Mapping[str, str]
    """Test id → `Outcome` value, of the tests run before stopping."""
    signature: str
    """First failure: exception, message, innermost project line; equal means nothing changed."""
    targets_passed: int
    seconds: float
    mode: str
    """`shared` (code swapped, in a process beside others), `fast` (code swapped), `exact` (imported
    again), `resident` (file changed, in a process that stays) or `disk` (file changed, in processes
    of its own)."""


@dataclass(frozen=True, kw_only=True)
class Observation:
    """Local variables just before a line ran, as short literals."""

    path: str
    line: int
    values: Mapping[str, str]


class CandidateEvaluator(Protocol):
    """Says of candidates what they do to the tests: a process that forks a child for each, or the
    test command run again where nothing can be forked."""

    @property
    def window(self) -> int:
        """Candidates to hand over ahead, so that no core waits for the next one."""
        ...

    def submit(
        self, number: int, edits: Sequence[SourceEdit], *, patient: bool = False
    ) -> None: ...

    def collect(self, timeout_seconds: float) -> list[Evaluation]: ...

    def close(self) -> None: ...
