"""Portfolio of proposers: the model, and beside it the search and small edits around near misses.

The model's conversations work in threads of their own while the caller's thread searches; a
candidate of theirs ends the slice of the search that is under way.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any, Generic, TypeVar

from agent.model.errors import ModelError
from agent.proposers.agentic.candidate import key_of
from agent.proposers.agentic.proposer import Agentic
from agent.proposers.base import Allowance
from agent.proposers.passed_patch import Choice, PassedPatch
from agent.proposers.polish import NearMiss, time_share
from agent.proposers.search.frontier import Frontier
from agent.proposers.search.search import Search
from agent.records import CandidatePatch, Verdict
from sandbox.errors import SandboxError

SLICE_SECONDS = 15.0
SETTLE_SECONDS = 8.0
"""After the end of the time, for an action of the model's that is under way."""
SearchFindings = TypeVar("SearchFindings")


class Portfolio(Generic[SearchFindings]):
    """A proposer that schedules a search and a model (`agent.proposers.base.Proposer`)."""

    name = "portfolio"

    def __init__(
        self,
        *,
        search: Callable[[], Search],
        model: Agentic,
        polish: Callable[[CandidatePatch], Frontier],
        look: Callable[[Search], SearchFindings],
        search_seconds: float,
        polish_seconds: float,
        place: Mapping[str, Any],
    ) -> None:
        """`search` makes the search when it is first needed. `look` is called once, when it is
        made and the model is being asked: what it sees goes to `looked`. `place` is what an
        earlier process left in `place`."""
        self._make_search = search
        self._search: Search | None = None
        self._model = model
        self._polish = polish
        self._look = look
        self.looked: Future[SearchFindings | None] = Future()
        """For the model's first prompt, from its thread; None where there is no search."""
        self._search_seconds = search_seconds
        self._polish_seconds = polish_seconds
        self._searched = float(place.get("searched", 0.0))
        self._polished = int(place.get("polished", 0))
        self._ranked_before = dict(place.get("ranker", {}))
        self._before = int(place.get("tried", 0))
        self._found = bool(place.get("found", False))
        self._heard = bool(place.get("heard", False))
        self._endings_seen = 0
        self._broken = ""
        """Why the model cannot be asked any more, where that did not end the repair."""
        self._search_error: SandboxError | None = None
        """Why the search cannot go on, where the model can."""
        self._misses: deque[NearMiss] = deque()
        self._verdicts: dict[str, Verdict] = {}
        """Key of a model's candidate → its verdict, for another conversation that has the same."""

    @property
    def place(self) -> dict[str, Any]:
        """Progress of search, model and small edits, as plain JSON types."""
        return {
            "searched": self._searched,
            "found": self._found,
            "heard": self._heard,
            "asking": not self._model_is_over,
            "tried": self._small_edits,
            "polished": self._polished,
            "ranker": self._ranker,
            "asked": self._model.asked,
            "turns": self._model.turns,
            "tokens": self._model.tokens,
            "candidates": self._model.tried,
            "endings": self._endings,
            "search_ended": str(self._search_error or ""),
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
        search_is_over = self._search is not None and self._search.exhausted
        is_broken = self._search_error is not None and self._found
        return not self._misses and self._model_is_over and (search_is_over or is_broken)

    @property
    def choices(self) -> Sequence[Choice]:
        """What the conversations that are over stand for."""
        return self._model.choices

    def show(self, passed: Sequence[PassedPatch]) -> None:
        """Tell the model of patches of others that passed, before its next turn."""
        self._model.passed = tuple(passed)

    def propose(self, allowance: Allowance) -> Iterator[CandidatePatch]:
        """At most one candidate: the model's where one waits, else what the search finds until
        the model has one; at the end of the time what the model holds unsubmitted. Raises
        ModelError, and SandboxError where the search breaks and the model has nothing."""
        deadline = time.monotonic() + allowance.max_seconds
        candidate = next(self._next(allowance), None)
        if candidate is None and time.monotonic() >= deadline:
            candidate = self._late(allowance)
        if candidate is not None:
            yield candidate

    def _late(self, allowance: Allowance) -> CandidatePatch | None:
        """What a conversation came to when its time ended, where nothing was found."""
        if self._found or allowance.stop.is_set():
            return None
        self._model.settle(SETTLE_SECONDS)
        return self._of_model()

    def _next(self, allowance: Allowance) -> Iterator[CandidatePatch]:
        if self._is_head_start and allowance.max_candidates > 0:
            seconds_left = self._search_seconds - self._searched
            with self._beside_the_model(allowance):
                yield from self._small(allowance, min(seconds_left, SLICE_SECONDS))
            return
        self._ask(allowance)
        self._model.changed.clear()
        candidate = self._of_model()
        if candidate is not None:
            yield candidate
            return
        self._raise_failure()
        if (endings := len(self._endings)) > self._endings_seen:
            self._endings_seen = endings
            return  # it may have chosen: whether anything else is worth it is asked first
        if self._search_error is not None and self._model_is_over and not self._found:
            raise self._search_error
        beside = replace(allowance, interrupt=self._model.changed)
        with self._beside_the_model(allowance):
            if self._misses and allowance.max_candidates > 0:
                yield from self._around(self._misses[0], beside)
                return
            if self._can_search(allowance):
                yield from self._small(beside, SLICE_SECONDS)
                return
        self._model.wait(min(SLICE_SECONDS, allowance.max_seconds), allowance.stop)

    def learn(self, candidate: CandidatePatch, verdict: Verdict) -> None:
        """Pass the verdict to the model; remember a near miss, and that a repair was found."""
        self._found = self._found or verdict.plausible
        if candidate.proposer == self._model.name:
            self._heard = self._heard or verdict.plausible
            self._verdicts[key_of(candidate)] = verdict
            self._model.learn(candidate, verdict)
            seconds = self._polish_seconds * time_share(verdict)
            if seconds > 0 and self._search_error is None:
                self._misses.append(NearMiss(candidate, seconds))
        if self._heard:
            self._misses.clear()

    def rest(self) -> None:
        """End what the model has under way, for good. What it reached is in its checkpoints."""
        self._model.rest()

    def close(self) -> None:
        self._model.close()
        if self._search is not None:
            self._search.close()

    @property
    def _endings(self) -> list[str]:
        """Why conversations are over, and why the model cannot be asked any more."""
        return [*self._model.endings, *([self._broken] if self._broken else [])]

    @property
    def _small_edits(self) -> int:
        return self._search.tried if self._search is not None else self._before

    @contextmanager
    def _beside_the_model(self, allowance: Allowance) -> Iterator[None]:
        """A search that breaks ends nothing while the model can be heard."""
        try:
            yield
        except SandboxError as error:
            if allowance.stop.is_set() or self._model_is_over:
                raise
            self._search_error = error
            self._misses.clear()

    @property
    def _is_head_start(self) -> bool:
        """Whether the search is still to work alone; until it found something at most."""
        search_is_over = self._search is not None and self._search.exhausted
        search_is_over = search_is_over or self._search_error is not None
        return self._searched < self._search_seconds and not self._found and not search_is_over

    @property
    def _model_is_over(self) -> bool:
        return self._model.exhausted or bool(self._broken)

    def _ask(self, allowance: Allowance) -> None:
        """Let the model go on, and look for what its first prompt can use meanwhile."""
        if not self._model_is_over:
            self._model.go_on(allowance)
        if self.looked.done():
            return
        findings: SearchFindings | None = None
        try:
            with self._beside_the_model(allowance):
                if self._can_search(allowance) and not self._model.begun:
                    findings = self._look(self._made_search())
        finally:
            self.looked.set_result(findings)  # the model's thread waits for it

    def _can_search(self, allowance: Allowance) -> bool:
        if allowance.max_candidates <= 0 or self._search_error is not None:
            return False
        return not self._made_search().exhausted

    def _made_search(self) -> Search:
        """The search; takes seconds when it is made."""
        if self._search is None:
            self._search = self._make_search()
        return self._search

    def _of_model(self) -> CandidatePatch | None:
        """A candidate of the model for the verdict. One that another conversation had already is
        not judged twice."""
        for candidate in self._model.waiting:
            verdict = self._verdicts.get(key_of(candidate))
            if verdict is None:
                return candidate
            self._model.learn(candidate, verdict)
        return None

    def _raise_failure(self) -> None:
        """A model that breaks after something was found ends nothing."""
        try:
            self._model.raise_failure()
        except ModelError as error:
            if not self._found:
                raise
            self._broken = str(error)

    def _small(self, allowance: Allowance, seconds: float) -> Iterator[CandidatePatch]:
        """A slice of the search: its first candidate that passes, or none yet."""
        search = self._made_search()
        began = time.monotonic()
        slice_allowance = replace(allowance, max_seconds=min(seconds, allowance.max_seconds))
        candidate = next(iter(search.propose(slice_allowance)), None)
        self._searched += time.monotonic() - began
        if candidate is not None:
            yield candidate

    def _around(self, miss: NearMiss, allowance: Allowance) -> Iterator[CandidatePatch]:
        """Small edits on top of a near miss: the next that passes here; after a verdict that
        rejects it those that are left."""
        search = self._made_search()
        if miss.around is None:
            miss.around = search.around(miss.candidate, self._polish(miss.candidate))
        began, tried_before = time.monotonic(), miss.around.tried
        seconds = min(miss.seconds_left, allowance.max_seconds)
        candidate = next(iter(miss.around.propose(replace(allowance, max_seconds=seconds))), None)
        miss.around.settle()
        miss.seconds_left -= time.monotonic() - began
        self._polished += miss.around.tried - tried_before
        search.tried += miss.around.tried - tried_before
        is_interrupted = allowance.is_over and not miss.around.exhausted
        if miss.seconds_left <= 0 or (candidate is None and not is_interrupted):
            self._misses.popleft()
        if candidate is not None:
            yield candidate
