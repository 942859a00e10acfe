"""Stands in for an evaluator where there is no candidate to try."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.evaluation.base import Evaluation
from sandbox.source import SourceEdit


class UnavailableEvaluator:
    """Says of whatever it is asked that it changes nothing; runs nothing."""

    def __init__(self) -> None:
        self._waiting: list[int] = []

    def submit(self, number: int, edits: Sequence[SourceEdit], *, patient: bool = False) -> None:
        del edits, patient
        self._waiting.append(number)

    def collect(self, timeout_seconds: float) -> list[Evaluation]:
        del timeout_seconds
        numbers, self._waiting = self._waiting, []
        return [
            Evaluation(
                number=number,
                state="target_failed",
                outcomes={},
                signature="",
                targets_passed=0,
                seconds=0.0,
                mode="exact",
            )
            for number in numbers
        ]

    def close(self) -> None:
        """Nothing is open."""
