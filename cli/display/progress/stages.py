"""Stages as the user counts them: proposing and validating take turns, but are told once."""

from __future__ import annotations

from agent.events import StageEnded, StageStarted

ALTERNATING_STAGES = frozenset({"propose", "validate"})


class StageCounts:
    """Adds up stages that alternate, and says which lines are due."""

    def __init__(self) -> None:
        self._waiting: dict[str, StageEnded] = {}
        self._announced: set[str] = set()

    def started(self, event: StageStarted) -> tuple[bool, list[StageEnded]]:
        """Return (is it to be told, ends that are due before it)."""
        if event.stage not in ALTERNATING_STAGES:
            return True, self.due()
        is_first = event.stage not in self._announced
        self._announced.add(event.stage)
        return is_first, []

    def ended(self, event: StageEnded) -> list[StageEnded]:
        if event.stage not in ALTERNATING_STAGES:
            return [event]
        earlier_end = self._waiting.get(event.stage)
        self._waiting[event.stage] = StageEnded(
            stage=event.stage,
            seconds=event.seconds + (earlier_end.seconds if earlier_end else 0.0),
            summary=event.summary or (earlier_end.summary if earlier_end else ""),
            cut_off=event.cut_off,
        )
        return []

    def due(self) -> list[StageEnded]:
        """What is still to be told, at the latest when the run is over."""
        ends, self._waiting = list(self._waiting.values()), {}
        return ends
