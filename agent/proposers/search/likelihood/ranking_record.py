"""Record of a model's ranking of the search's edits, and of its cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from agent.records import CandidatePatch

Ranking: TypeAlias = Mapping[CandidatePatch, float]
"""Edit of one line → natural-log probability of the code it makes."""


@dataclass(frozen=True, kw_only=True)
class RankChange:
    """Where an edit that passed stood among the edits of its line; 1 is first."""

    description: str
    before: int
    after: int


@dataclass
class RankingRecord:
    """Counts, time and outcome of the ranking so far."""

    lines: int = 0
    edits: int = 0
    seconds: float = 0.0
    why_not: str = ""
    """Why it stopped; empty while it works."""
    moved: list[RankChange] = field(default_factory=list)
