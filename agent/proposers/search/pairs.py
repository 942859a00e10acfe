"""Two edits at once, where one alone brought progress."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from agent.job import CandidatePatch
from agent.proposers.search.catalogue import combine

PARTNERS = 400
"""Most promising single edits each seed is paired with."""
MAX_SEEDS = 24


@dataclass
class Seed:
    """An edit that turned some failing test, and the partners not yet tried with it."""

    candidate: CandidatePatch
    quality: float
    partners: Iterator[CandidatePatch] | None = None


class Pairs:
    """Pairs of a seed and a partner, the best seed first, the seeds taking turns."""

    def __init__(self, partners: Callable[[int], list[CandidatePatch]]) -> None:
        self._partners = partners
        self._seeds: list[Seed] = []
        self._turn = 0

    def add(self, candidate: CandidatePatch, quality: float) -> None:
        """Remember a candidate that came nearer; only the best few are kept."""
        self._seeds.append(Seed(candidate, quality))
        self._seeds.sort(key=lambda seed: -seed.quality)
        del self._seeds[MAX_SEEDS:]

    def __bool__(self) -> bool:
        return bool(self._seeds)

    def pop(self) -> CandidatePatch | None:
        """The next pair; None when every seed is used up."""
        while self._seeds:
            # The seeds take turns, so that one hopeless seed cannot starve the others.
            self._turn = (self._turn + 1) % len(self._seeds)
            seed = self._seeds[self._turn]
            if seed.partners is None:
                seed.partners = iter(self._partners(PARTNERS))
            for partner in seed.partners:
                pair = combine(seed.candidate, partner)
                if pair is not None:
                    return pair
            del self._seeds[self._turn]
        return None
