"""Which candidate to try next: P(line) times P(edit | line), both moved by what was learned,
divided by what a trial at that line costs: the chance that a second is worth.

Deciding is separate from executing: this file never runs anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from heapq import heapify, heappop, heappush
from math import exp
from typing import Protocol

from agent.proposers.search.likelihood.ranking_record import Ranking, RankingRecord
from agent.records import CandidatePatch, SuspiciousLine

SHARPNESS = 1.5
"""P(line) grows with suspiciousness to this power."""
BEST_EDIT_SHARE = 0.05
"""Assumed P(best edit | line) of a line whose edits were not generated yet."""
INERT_AFTER_TRIALS = 12
"""Edits at a line that changed nothing before the line is held to be irrelevant."""
PROBE_OPERATOR = "condition.force"
COST_TRIALS = 3
"""The usual cost of a trial counts as much as this many of a line's own."""
INERT_FACTOR = 0.2
PROGRESS_FACTOR = 3.0
MODEL_SHARE = 0.5
"""Weight of a model's ranking beside our own: both estimate P(edit | line), and their
geometric mean is wrong only where both are (logarithmic pooling: Genest & Zidek 1986)."""


@dataclass
class LineCandidates:
    """A suspicious line and the edits that can be made there, best first."""

    line: SuspiciousLine
    weight: float
    candidates: list[CandidatePatch]
    total: float
    place: int = 0
    """Among the lines that are open, in the order in which they were opened."""
    position: int = 0
    inert: int = 0
    """Edits tried here that left the failure as it was; -1 once one changed something."""

    seconds: float = 0.0
    """What the trials here took together, and how many they were."""
    trials: int = 0

    before: dict[CandidatePatch, int] = field(default_factory=dict)
    """Places of the edits in our own ranking, once a model's came in; 1 is first."""
    after: dict[CandidatePatch, int] = field(default_factory=dict)

    def untried(self) -> list[CandidatePatch]:
        return self.candidates[self.position :]

    def places(self, candidate: CandidatePatch) -> tuple[int, int] | None:
        """Where an edit stood before and after a model's ranking; None without one."""
        edits = candidate.edits
        ranked_edit = next((edit for edit in self.before if edit.edits == edits), None)
        return None if ranked_edit is None else (self.before[ranked_edit], self.after[ranked_edit])

    def rerank(self, ranking: Ranking) -> None:
        """Mix a model's ranking into our own and put the untried edits into the new order.

        Edits that the model was not asked about keep their share, forced conditions their place.
        """
        ranked_edits = [
            edit for edit in self.untried() if edit in ranking and edit.operator != PROBE_OPERATOR
        ]
        if not ranked_edits:
            return
        total_share = sum(edit.score for edit in ranked_edits)
        top = max(ranking[edit] for edit in ranked_edits)
        chances = [exp(ranking[edit] - top) for edit in ranked_edits]
        likely = [total_share * chance / sum(chances) for chance in chances]
        mixed_scores = [
            edit.score ** (1 - MODEL_SHARE) * max(share, 1e-12) ** MODEL_SHARE
            for edit, share in zip(ranked_edits, likely, strict=True)
        ]
        factor = total_share / sum(mixed_scores)
        scores = {
            edit: score * factor for edit, score in zip(ranked_edits, mixed_scores, strict=True)
        }
        self.before = {edit: rank for rank, edit in enumerate(self.candidates, start=1)}
        ordered_edits = sorted(self.untried(), key=lambda edit: -scores.get(edit, edit.score))
        ordered_edits.sort(key=lambda edit: edit.operator != PROBE_OPERATOR)
        places = {edit: rank for rank, edit in enumerate(ordered_edits, start=self.position + 1)}
        self.after = {edit: places.get(edit, rank) for edit, rank in self.before.items()}
        rescored_edits = [
            replace(edit, score=scores.get(edit, edit.score)) for edit in ordered_edits
        ]
        self.candidates[self.position :] = rescored_edits

    def head(self, usual_seconds: float) -> float:
        """Priority of the next untried edit; 0 when there is none."""
        if self.position >= len(self.candidates):
            return 0.0
        usual_cost = (self.trials + COST_TRIALS) * usual_seconds
        cost = (self.seconds + COST_TRIALS * usual_seconds) / usual_cost
        return self.weight * self.candidates[self.position].score / self.total / cost


class SiteRanker(Protocol):
    """`agent.proposers.search.model_ranker.Ranker`: works in the background, answers at once."""

    done: RankingRecord

    def offer(self, site: LineCandidates) -> None: ...

    def take(self) -> list[tuple[LineCandidates, Ranking]]: ...

    def passed(self, candidate: CandidatePatch, site: LineCandidates) -> None: ...

    def close(self) -> None: ...


class Frontier:
    """A lazy best-first order over all single edits at all suspicious lines."""

    def __init__(
        self,
        ranking: Sequence[SuspiciousLine],
        expand: Callable[[SuspiciousLine], list[CandidatePatch]],
        ranker: SiteRanker | None = None,
    ) -> None:
        """`ranker` is told of every line that is opened, and asked for what it made of them."""
        self._waiting = list(reversed(ranking))
        self._expand = expand
        self._sites: list[LineCandidates] = []
        self._heads: list[tuple[float, int]] = []
        """A heap of (-priority, place in `_sites`), of which only the current ones count."""
        self.ranker = ranker
        self._usual_seconds = 0.1

    @property
    def usual_seconds(self) -> float:
        """What a trial usually takes: the run of the unchanged code, once there was one."""
        return self._usual_seconds

    @usual_seconds.setter
    def usual_seconds(self, seconds: float) -> None:
        self._usual_seconds = seconds
        self._heads = [(-self._head(site), site.place) for site in self._sites]
        heapify(self._heads)

    def pop(self) -> tuple[CandidatePatch, LineCandidates] | None:
        """The most promising edit not yet given out, with its site; None when all are out."""
        for site, ranking in self.ranker.take() if self.ranker is not None else ():
            site.rerank(ranking)
            self._moved(site)
        best = self._best()
        if best is None:
            return None
        candidate = best.candidates[best.position]
        best.position += 1
        self._moved(best)
        return candidate, best

    def _best(self) -> LineCandidates | None:
        while True:
            best = self._top()
            head = self._head(best) if best else 0.0
            if not self._waiting:
                return best if head > 0 else None
            line = self._waiting[-1]
            if head >= _weight(line) * BEST_EDIT_SHARE:
                return best
            self._waiting.pop()
            self._open(line)

    def _top(self) -> LineCandidates | None:
        """The open site of the highest priority, of equal ones the first."""
        while self._heads:
            negative, place = self._heads[0]
            site = self._sites[place]
            if -negative == self._head(site):
                return site
            heappop(self._heads)
        return None

    def _moved(self, site: LineCandidates) -> None:
        """Note the priority of a site that has another now."""
        heappush(self._heads, (-self._head(site), site.place))

    def _head(self, site: LineCandidates) -> float:
        return site.head(self._usual_seconds)

    def _open(self, line: SuspiciousLine) -> None:
        candidates = _probes_first(sorted(self._expand(line), key=lambda edit: -edit.score))
        total = sum(candidate.score for candidate in candidates)
        if total > 0:
            place = len(self._sites)
            self._sites.append(LineCandidates(line, _weight(line), candidates, total, place))
            self._moved(self._sites[-1])
            if self.ranker is not None:
                self.ranker.offer(self._sites[-1])

    def learn(
        self, site: LineCandidates, *, is_changed: bool, progress: bool, seconds: float
    ) -> None:
        """Take note of an edit tried at `site`, and of how long that took.

        A line where a dozen edits leave the failure exactly as it was has no influence on it
        (the observation behind mutation-based localisation: Papadakis & Le Traon, "Metallaxis-FL",
        2015); a line where an edit turns a failing test deserves more. Lines differ in cost by ten
        and more: some edits need a fresh import, some run into an endless loop. What makes
        progress is left out of that, since it runs more tests than the others.
        """
        if progress:
            site.weight *= PROGRESS_FACTOR
        else:
            site.seconds, site.trials = site.seconds + seconds, site.trials + 1
        if is_changed:
            site.inert = -1
        elif site.inert >= 0:
            site.inert += 1
            if site.inert == INERT_AFTER_TRIALS:
                site.weight *= INERT_FACTOR
        self._moved(site)

    def best_untried(self, count: int) -> list[CandidatePatch]:
        """The most promising edits of the open sites, tried or not, for building pairs."""
        scored_edits = [
            (site.weight * candidate.score / site.total, candidate)
            for site in self._sites
            for candidate in site.candidates[:40]
        ]
        scored_edits.sort(key=lambda pair: -pair[0])
        return [candidate for _, candidate in scored_edits[:count]]


def _probes_first(candidates: list[CandidatePatch]) -> list[CandidatePatch]:
    """Forced conditions come before everything else of their line: two cheap trials that say
    whether the condition matters at all."""
    best = candidates[0].score if candidates else 0.0
    probes = [replace(edit, score=best) for edit in candidates if edit.operator == PROBE_OPERATOR]
    return [*probes, *(edit for edit in candidates if edit.operator != PROBE_OPERATOR)]


def _weight(line: SuspiciousLine) -> float:
    return float(max(line.score, 1e-3) ** SHARPNESS)
