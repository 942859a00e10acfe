"""Which candidate to try next: P(line) times P(edit | line), both moved by what was learned.

Deciding is kept apart from executing: this file never runs anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from agent.job import CandidatePatch, SuspiciousLine

SHARPNESS = 1.5
"""P(line) grows with suspiciousness to this power."""
BEST_EDIT_SHARE = 0.05
"""Assumed P(best edit | line) of a line whose edits were not generated yet."""
INERT_AFTER = 12
"""Edits at a line that changed nothing before the line is held to be irrelevant."""
PROBE = "condition.force"
INERT_FACTOR = 0.2
PROGRESS_FACTOR = 3.0


@dataclass
class Site:
    """A suspicious line and the edits that can be made there, best first."""

    line: SuspiciousLine
    weight: float
    candidates: list[CandidatePatch]
    total: float
    position: int = 0
    inert: int = 0
    """Edits tried here that left the failure as it was; -1 once one changed something."""

    def head(self) -> float:
        """Priority of the next untried edit; 0 when there is none."""
        if self.position >= len(self.candidates):
            return 0.0
        return self.weight * self.candidates[self.position].score / self.total


class Frontier:
    """A lazy best-first order over all single edits at all suspicious lines."""

    def __init__(
        self,
        ranking: Sequence[SuspiciousLine],
        expand: Callable[[SuspiciousLine], list[CandidatePatch]],
    ) -> None:
        self._waiting = list(reversed(ranking))
        self._expand = expand
        self._sites: list[Site] = []

    def pop(self) -> tuple[CandidatePatch, Site] | None:
        """The most promising edit not yet given out, with its site; None when all are out."""
        best = self._best()
        if best is None:
            return None
        candidate = best.candidates[best.position]
        best.position += 1
        return candidate, best

    def _best(self) -> Site | None:
        while True:
            best = max(self._sites, key=Site.head, default=None)
            head = best.head() if best else 0.0
            if not self._waiting:
                return best if head > 0 else None
            line = self._waiting[-1]
            if head >= _weight(line) * BEST_EDIT_SHARE:
                return best
            self._waiting.pop()
            self._open(line)

    def _open(self, line: SuspiciousLine) -> None:
        candidates = _probes_first(sorted(self._expand(line), key=lambda one: -one.score))
        total = sum(candidate.score for candidate in candidates)
        if total > 0:
            self._sites.append(Site(line, _weight(line), candidates, total))

    def learn(self, site: Site, *, changed: bool, progress: bool) -> None:
        """Take note of an edit tried at `site`.

        A line where a dozen edits leave the failure exactly as it was has no influence on it
        (the observation behind mutation-based localisation: Papadakis & Le Traon, "Metallaxis-FL",
        2015); a line where an edit turns a failing test deserves more.
        """
        if progress:
            site.weight *= PROGRESS_FACTOR
        if changed:
            site.inert = -1
        elif site.inert >= 0:
            site.inert += 1
            if site.inert == INERT_AFTER:
                site.weight *= INERT_FACTOR

    def best_untried(self, count: int) -> list[CandidatePatch]:
        """The most promising edits of the open sites, tried or not, for building pairs."""
        scored = [
            (site.weight * candidate.score / site.total, candidate)
            for site in self._sites
            for candidate in site.candidates[:40]
        ]
        scored.sort(key=lambda pair: -pair[0])
        return [candidate for _, candidate in scored[:count]]


def _probes_first(candidates: list[CandidatePatch]) -> list[CandidatePatch]:
    """Forced conditions come before everything else of their line: two cheap trials that say
    whether the condition matters at all."""
    best = candidates[0].score if candidates else 0.0
    probes = [replace(one, score=best) for one in candidates if one.operator == PROBE]
    return [*probes, *(one for one in candidates if one.operator != PROBE)]


def _weight(line: SuspiciousLine) -> float:
    return float(max(line.score, 1e-3) ** SHARPNESS)
