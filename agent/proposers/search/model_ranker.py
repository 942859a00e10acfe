"""The model as a ranker: in the background, it says how likely each edit of a line is.

Prefill only: no token is generated. The search never waits for it; it goes on in its own order
and takes an answer in when one is there.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

from agent.model.base import ModelBackend, Scorer
from agent.model.errors import GenerationCancelled, ModelError
from agent.proposers.search.frontier import LineCandidates
from agent.proposers.search.likelihood.ranking_question import Question
from agent.proposers.search.likelihood.ranking_record import RankChange, Ranking, RankingRecord
from agent.records import CandidatePatch, SuspiciousLine
from agent.runs.stop import Interrupted

MAX_RANKING_SECONDS = 120.0
"""Of scoring in one run; then the search goes on alone."""
MAX_RANKED_EDITS = 400
"""Of one line, the likeliest by the search's own ranking."""
MAX_RECORDED_MOVES = 20
"""Edits that passed, whose places are kept for the result."""

Ask: TypeAlias = Callable[[SuspiciousLine, Sequence[CandidatePatch]], Question | None]


OpenModel: TypeAlias = Callable[[threading.Event], ModelBackend]
"""Opens the model; gives up, with GenerationCancelled, when the event is set."""


class Ranker:
    """One thread that scores the edits of the lines the search has opened, heaviest first."""

    def __init__(self, open_model: OpenModel, ask: Ask) -> None:
        """`open_model` may take long, and is called in the thread."""
        self._open_model = open_model
        self._ask = ask
        self._waiting: list[LineCandidates] = []
        self._answered: list[tuple[LineCandidates, Ranking]] = []
        self._changed = threading.Condition()
        self._cancel = threading.Event()
        self._thread: threading.Thread | None = None
        self.done = RankingRecord()

    def offer(self, site: LineCandidates) -> None:
        """Queue the edits of an opened line for ranking. Returns at once."""
        with self._changed:
            if self.done.why_not or self._cancel.is_set():
                return
            self._waiting.append(site)
            self._changed.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="ranker", daemon=True)
                self._thread.start()

    def take(self) -> list[tuple[LineCandidates, Ranking]]:
        """Rankings completed since the last call. Returns at once."""
        with self._changed:
            rankings, self._answered = self._answered, []
            return rankings

    def passed(self, candidate: CandidatePatch, site: LineCandidates) -> None:
        """Keep where an edit that passed stood before and after this ranking."""
        places = site.places(candidate)
        if places is not None and len(self.done.moved) < MAX_RECORDED_MOVES:
            rank_before, rank_after = places
            self.done.moved.append(
                RankChange(description=candidate.description, before=rank_before, after=rank_after)
            )

    def close(self) -> None:
        """End soon; a request under way is cancelled. Safe to call twice."""
        self._cancel.set()
        with self._changed:
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            scorer = self._open_model(self._cancel)
            if not isinstance(scorer, Scorer):
                self.done.why_not = f"{scorer.name} cannot score"
                return
            while (site := self._next()) is not None:
                self._rank(site, scorer)
        except (GenerationCancelled, Interrupted):
            return
        except ModelError as error:
            # The search does without; whoever needs answers of the model will hear of it.
            self.done.why_not = str(error)

    def _next(self) -> LineCandidates | None:
        """The heaviest line that waits; None at the end."""
        with self._changed:
            while not self._waiting and not self._cancel.is_set():
                self._changed.wait()
            if self.done.seconds > MAX_RANKING_SECONDS:
                self.done.why_not = f"its {MAX_RANKING_SECONDS:g} seconds are over"
            if self._cancel.is_set() or self.done.why_not:
                return None
            heaviest = max(self._waiting, key=lambda site: site.weight)
            self._waiting = [site for site in self._waiting if site is not heaviest]
            return heaviest

    def _rank(self, site: LineCandidates, scorer: Scorer) -> None:
        question = self._ask(site.line, site.untried()[:MAX_RANKED_EDITS])
        if question is None:
            return
        began = time.monotonic()
        scores = scorer.score(question.messages, question.continuations, cancel=self._cancel)
        with self._changed:
            self.done.lines += 1
            self.done.edits += len(scores)
            self.done.seconds += time.monotonic() - began
            self._answered.append((site, dict(zip(question.candidates, scores, strict=True))))
