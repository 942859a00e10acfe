"""Pairs of edits, built where a single edit made some failing tests pass."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from agent.proposers.search.catalogue import combine
from agent.records import CandidatePatch

MAX_PARTNERS = 400
"""Most promising single edits each seed is paired with."""
MAX_SEEDS = 16
"""Kept of each kind of progress."""


@dataclass
class Seed:
    """An edit that came nearer, and the partners not yet tried with it."""

    candidate: CandidatePatch
    partners: Iterator[CandidatePatch] | None = None


@dataclass
class Group:
    """Seeds that made the same progress (the same tests turned)."""

    seeds: list[Seed] = field(default_factory=list)
    turn: int = 0

    def choose(self) -> Seed:
        """The first seed every other time, the second every fourth, and so on: they are likely
        to be the same repair in different words, but the first may be a wrong one."""
        self.turn += 1
        trailing_zeros = (self.turn & -self.turn).bit_length() - 1
        return self.seeds[trailing_zeros % len(self.seeds)]


class Pairs:
    """Pairs of a seed and a partner; the kinds of progress take turns."""

    def __init__(self, partners: Callable[[int], list[CandidatePatch]]) -> None:
        self._partners = partners
        self._groups: dict[frozenset[str], Group] = {}
        self._crossed: deque[CandidatePatch] = deque()
        self._turn = 0

    def add(self, candidate: CandidatePatch, repaired_tests: frozenset[str]) -> None:
        """Remember a candidate that made progress; `repaired_tests` are those that pass with it."""
        seeds = self._groups.setdefault(repaired_tests, Group()).seeds
        if len(seeds) >= MAX_SEEDS:
            return
        seeds.append(Seed(candidate))
        for other_tests, group in self._groups.items():
            if repaired_tests <= other_tests or other_tests <= repaired_tests:
                continue
            # Each repairs what the other does not: two bugs, most likely.
            pairs = (combine(candidate, seed.candidate) for seed in group.seeds)
            self._crossed += [pair for pair in pairs if pair is not None]

    def __bool__(self) -> bool:
        return bool(self._groups or self._crossed)

    def pop(self) -> CandidatePatch | None:
        """The next pair; None when every seed is used up."""
        if self._crossed:
            return self._crossed.popleft()
        while self._groups:
            self._turn += 1
            key = list(self._groups)[self._turn % len(self._groups)]
            group = self._groups[key]
            seed = group.choose()
            pair = self._next_of(seed)
            if pair is not None:
                return pair
            group.seeds.remove(seed)
            if not group.seeds:
                del self._groups[key]
        return None

    def _next_of(self, seed: Seed) -> CandidatePatch | None:
        if seed.partners is None:
            seed.partners = iter(self._partners(MAX_PARTNERS))
        for partner in seed.partners:
            pair = combine(seed.candidate, partner)
            if pair is not None:
                return pair
        return None
