"""What came out of an evaluation, in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.evaluation.records import GradeKind, Plan
from agent.evaluation.statistics.intervals import Interval

SUMMARY_SCHEMA = "repair-evaluation-summary/1"
KS = (1, 2, 5, 10, 20, 50, 100)
UNGRADED = "not_graded"
FAILURE = "not_answered"
NOT_REPLAYABLE = GradeKind.NOT_REPLAYABLE.value
NOT_COUNTED = frozenset({UNGRADED, NOT_REPLAYABLE})
"""Outcomes of tasks that no share is of."""


@dataclass(frozen=True, kw_only=True)
class TaskRow:
    """One task of the table."""

    task_id: str
    group: str
    samples: int
    solved: int
    outcome: str
    """Of the first answer: a `GradeKind`, `not_answered` or `not_graded`."""
    why: str
    seconds: float = 0.0
    """To answer, all samples together."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Of the first answer."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """A share with its 95 % interval, from 0 to 1."""

    value: float
    interval: Interval


@dataclass(frozen=True, kw_only=True)
class ClaimRow:
    """A published figure beside what was measured."""

    benchmark: str
    model: str
    """That the claim is about; whether it is the one that was measured is the user's to know."""
    claimed: float
    measured: Share
    source: str
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Summary:
    """One evaluation. Shares count what could not be answered or graded as not solved; tasks that
    show nothing here, whatever was answered, are no part of them."""

    plan: Plan
    title: str
    graded_by: str
    rows: tuple[TaskRow, ...]
    solved: Share
    """Tasks by one answer: pass@1 over all samples."""
    pass_at: Mapping[int, Share]
    """k → pass@k, for each k up to the number of samples."""
    outcomes: Mapping[str, int]
    """Of answers, and of tasks without: `not_answered`, `not_graded`."""
    groups: int
    design_effect: float
    """How much wider the groups of tasks make the interval, as a factor of the variance."""
    scores: Mapping[str, float]
    """Of all answers together, where the suite has some."""
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    seconds: float
    """To answer, summed over answers, of which several were asked at once."""
    median_seconds: float
    answering_seconds: float = 0.0
    """Wall-clock during which any task was being answered; 0 where the log does not say."""
    tokens_per_second: float | None = None
    """Generated in a second of that, by all that were answered at once; of a repair its tests and
    its search are part of the time."""
    gpu_seconds: float | None = None
    """For which the GPUs that the user named were held while tasks were answered."""
    money: float | None
    claim: ClaimRow | None
    notes: tuple[str, ...]
    """What a reader must know to judge the figures, one sentence each."""

    @property
    def tasks(self) -> int:
        return len(self.rows)

    @property
    def counted(self) -> int:
        """Tasks that the shares are of."""
        return sum(row.outcome not in NOT_COUNTED for row in self.rows)

    @property
    def tasks_solved(self) -> int:
        """By any of their answers."""
        return sum(row.solved > 0 for row in self.rows)

    @property
    def complete(self) -> bool:
        return UNGRADED not in self.outcomes
