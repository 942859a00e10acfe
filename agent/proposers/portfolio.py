"""Portfolio of proposers: the search first, then the model, and small edits around near misses."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

from agent.model.errors import ModelError
from agent.proposers.agentic.proposer import Agentic
from agent.proposers.base import Allowance
from agent.proposers.polish import NearMiss, time_share
from agent.proposers.search.frontier import Frontier
from agent.proposers.search.search import Search
from agent.records import CandidatePatch, Verdict

SLICE_SECONDS = 15.0


class Portfolio:
    """A proposer that schedules a search and a model (`agent.proposers.base.Proposer`)."""

    name = "portfolio"

    def __init__(
        self,
        *,
        search: Callable[[], Search],
        model: Agentic,
        polish: Callable[[CandidatePatch], Frontier],
        search_seconds: float,
        polish_seconds: float,
        conversations: int,
        place: Mapping[str, Any],
    ) -> None:
        """`search` makes the search when it is first needed. `place` is what an earlier process
        left in `place`."""
        self._make_search = search
        self._search: Search | None = None
        self._model = model
        self._polish = polish
        self._search_seconds = search_seconds
        self._polish_seconds = polish_seconds
        self._searched = float(place.get("searched", 0.0))
        self._polished = int(place.get("polished", 0))
        self._ranked_before = dict(place.get("ranker", {}))
        self._before = int(place.get("tried", 0))
        self._alone = conversations == 1
        self._found = bool(place.get("found", False))
        self._broken = ""
        """Why the model cannot be asked any more, where that did not end the repair."""
        self._misses: deque[NearMiss] = deque()

    @property
    def place(self) -> dict[str, Any]:
        """Progress of search, model and small edits, as plain JSON types."""
        return {
            "searched": self._searched,
            "found": self._found,
            "tried": self._small_edits,
            "polished": self._polished,
            "ranker": self._ranker,
            "turns": self._model.turns,
            "tokens": self._model.tokens,
            "candidates": self._model.tried,
            "endings": [*self._model.endings, *([self._broken] if self._broken else [])],
        }

    @property
    def _ranker(self) -> dict[str, Any]:
        """What the model as a ranker did; that of an earlier process where this one has none."""
        if self._search is None or self._search.ranked is None:
            return self._ranked_before
        return asdict(self._search.ranked)

    @property
    def tried(self) -> int:
        return self._small_edits + self._model.tried

    @property
    def exhausted(self) -> bool:
        searched = self._search is not None and self._search.exhausted
        return not self._misses and self._model_is_over and searched

    def search(self) -> Search:
        """The search; takes seconds when it is made."""
        if self._search is None:
            self._search = self._make_search()
        return self._search

    def propose(self, allowance: Allowance) -> Iterator[CandidatePatch]:
        """One turn of whoever is next; a turn of the model gives all that its conversations
        have. Raises ModelError."""
        if self._misses:
            yield from self._around(self._misses[0], allowance)
        elif self._searched < self._search_seconds and not self.search().exhausted:
            seconds_left = self._search_seconds - self._searched
            yield from self._small(allowance, min(seconds_left, SLICE_SECONDS))
        elif not self._model_is_over:
            yield from self._model_candidates(allowance)
        else:
            yield from self._small(allowance, SLICE_SECONDS)

    def learn(self, candidate: CandidatePatch, verdict: Verdict) -> None:
        """Pass the verdict to the model; remember a near miss, and that a repair was found."""
        self._found = self._found or verdict.plausible
        if candidate.proposer == self._model.name:
            self._model.learn(candidate, verdict)
            seconds = self._polish_seconds * time_share(verdict)
            if seconds > 0:
                self._misses.append(NearMiss(candidate, seconds))
        if self._found:
            self._misses.clear()

    def close(self) -> None:
        if self._search is not None:
            self._search.close()
        self._model.close()

    @property
    def _small_edits(self) -> int:
        return self._search.tried if self._search is not None else self._before

    @property
    def _model_is_over(self) -> bool:
        """A model alone is not asked again once something passed: the search looks for
        alternatives. Several conversations run to their end."""
        return self._model.exhausted or bool(self._broken) or (self._found and self._alone)

    def _model_candidates(self, allowance: Allowance) -> Iterator[CandidatePatch]:
        """What the model has. A model that breaks after something was found ends nothing."""
        try:
            yield from self._model.propose(allowance)
        except ModelError as error:
            if not self._found:
                raise
            self._broken = str(error)

    def _small(self, allowance: Allowance, seconds: float) -> Iterator[CandidatePatch]:
        """A slice of the search: its first candidate that passes, or none yet."""
        search = self.search()
        began = time.monotonic()
        limited = replace(allowance, max_seconds=min(seconds, allowance.max_seconds))
        candidate = next(iter(search.propose(limited)), None)
        self._searched += time.monotonic() - began
        if candidate is not None:
            yield candidate

    def _around(self, miss: NearMiss, allowance: Allowance) -> Iterator[CandidatePatch]:
        """Small edits on top of a near miss: the next that passes here; after a verdict that
        rejects it those that are left."""
        search = self.search()
        if miss.around is None:
            miss.around = search.around(miss.candidate, self._polish(miss.candidate))
        began, tried_before = time.monotonic(), miss.around.tried
        seconds = min(miss.seconds_left, allowance.max_seconds)
        candidate = next(iter(miss.around.propose(replace(allowance, max_seconds=seconds))), None)
        miss.around.settle()
        miss.seconds_left -= time.monotonic() - began
        self._polished += miss.around.tried - tried_before
        search.tried += miss.around.tried - tried_before
        if candidate is None or miss.seconds_left <= 0:
            self._misses.popleft()
        if candidate is not None:
            yield candidate
