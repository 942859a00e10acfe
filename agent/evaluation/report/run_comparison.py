"""Evaluations side by side, paired by task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from agent.evaluation.errors import EvaluationError
from agent.evaluation.records import GradeKind
from agent.evaluation.report.summary import Summary
from agent.evaluation.statistics.intervals import Interval
from agent.evaluation.statistics.paired import PairedCounts, mcnemar_exact, tango
from agent.evaluation.statistics.sample_size import tasks_to_tell_pairs


@dataclass(frozen=True, kw_only=True)
class PairedDifference:
    """Two evaluations on the tasks that both have, by the first answer to each."""

    first: int
    second: int
    """Places in `RunComparison.runs`."""
    pairs: PairedCounts
    difference: float
    """Share that the first solves minus the share that the second solves."""
    interval: Interval
    """Tango's, at 95 %."""
    p_value: float
    """Exact McNemar, two-sided."""
    tasks_needed: int | None
    sentence: str


@dataclass(frozen=True, kw_only=True)
class RunComparison:
    """Several evaluations of the same tasks."""

    runs: tuple[Summary, ...]
    common: tuple[str, ...]
    """Tasks that all of them have."""
    differences: tuple[PairedDifference, ...]


def compare_runs(summaries: Sequence[Summary]) -> RunComparison:
    """Raises EvaluationError where two have no task in common."""
    successes = [
        {row.task_id: row.outcome == GradeKind.SOLVED.value for row in summary.rows}
        for summary in summaries
    ]
    common = [task for task in successes[0] if all(task in run for run in successes)]
    if not common:
        raise EvaluationError("these evaluations have no task in common")
    differences = []
    for first, second in combinations(range(len(summaries)), 2):
        outcomes = [(successes[first][task], successes[second][task]) for task in common]
        differences.append(_difference(first, second, PairedCounts.of(outcomes)))
    return RunComparison(
        runs=tuple(summaries), common=tuple(common), differences=tuple(differences)
    )


def _difference(first: int, second: int, pairs: PairedCounts) -> PairedDifference:
    interval, task_count = tango(pairs), tasks_to_tell_pairs(pairs)
    return PairedDifference(
        first=first,
        second=second,
        pairs=pairs,
        difference=pairs.difference,
        interval=interval,
        p_value=mcnemar_exact(pairs),
        tasks_needed=task_count,
        sentence=_sentence(first + 1, second + 1, pairs, interval, task_count),
    )


def _sentence(
    first: int, second: int, pairs: PairedCounts, interval: Interval, needed: int | None
) -> str:
    low, high = interval
    apart = f"{pairs.first:,} tasks only by {first}, {pairs.second:,} only by {second}"
    if low > 0 or high < 0:
        better, worse = (first, second) if low > 0 else (second, first)
        return f"{better} solves more than {worse} ({apart})."
    if needed is None:
        return f"No difference between {first} and {second} ({apart})."
    return (
        f"Cannot be told at n = {pairs.number:,} ({apart}); about {needed:,} tasks would tell a "
        "difference of this size."
    )
