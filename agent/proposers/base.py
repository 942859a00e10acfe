"""The interface of proposers: a stream of candidate patches, so that validation starts at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from agent.records import CandidatePatch, Verdict


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """How much one call of a proposer may spend."""

    max_seconds: float
    max_candidates: int
    stop: threading.Event
    """Set when the user or the service wants an end; honoured within about a second."""
    interrupt: threading.Event | None = None
    """Set when somebody else has something: this call ends early, with its place kept."""

    @property
    def is_over(self) -> bool:
        """Whether the call should end before its time."""
        return self.stop.is_set() or (self.interrupt is not None and self.interrupt.is_set())


class Proposer(Protocol):
    """A source of candidate patches. Keeps its place between calls."""

    name: str

    @property
    def tried(self) -> int:
        """Candidates tried so far, over all calls and resumes."""

    @property
    def exhausted(self) -> bool:
        """Whether the proposer has no candidate left to try."""

    def propose(self, allowance: Allowance) -> Iterator[CandidatePatch]:
        """Yield candidates that passed the proposer's own check, until the allowance ends."""

    def learn(self, candidate: CandidatePatch, verdict: Verdict) -> None:
        """Take note of the verdict on one of its candidates. May be told twice after a crash."""

    def close(self) -> None:
        """Free what the proposer holds. Safe to call twice."""
