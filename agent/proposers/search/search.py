"""The search proposer: small typed edits at suspicious places, tried by the evaluator."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from agent.events import Listener, SearchProgress
from agent.proposers.base import Allowance
from agent.proposers.search.frontier import PROBE_OPERATOR, Frontier, LineCandidates
from agent.proposers.search.journal import Journal
from agent.proposers.search.likelihood.ranking_record import RankingRecord
from agent.proposers.search.pairs import Pairs
from agent.records import CandidatePatch, SuspiciousLine, Verdict
from sandbox.evaluation.base import CandidateEvaluator, Evaluation, Observation
from sandbox.languages.python.forking_evaluator import ForkingEvaluator
from sandbox.source import SourceEdit

SEEN_VISITS = 2_000
PAIR_TURN = 3
"""Every third candidate is a pair once some edit has brought progress."""
SECOND_LOOKS = 64
"""Candidates, the first, that failed in a process that stays: they are run in processes of their
own before the search ends, for what an earlier one left there may have made them fail."""
REPORT_SECONDS = 0.25
LEAST_SECONDS = 0.01
"""What a trial is taken to cost at least: that the first one shared its process with others says
nothing of what an import costs."""
UNCHANGED = CandidatePatch(edits=(), proposer="search", operator="none", description="unchanged")
"""Evaluated first: what the failure looks like when nothing is changed."""


@dataclass(frozen=True)
class PendingCandidate:
    """A candidate on its way through the evaluator."""

    candidate: CandidatePatch
    site: LineCandidates | None
    """None for a pair."""
    patient: bool = False
    """Tried again with more time and in processes of its own: at once where every failing test
    passed, else after everything else."""


Synthesise: TypeAlias = Callable[[SuspiciousLine, bool], list[CandidatePatch]]
"""From a line whose condition was forced to an answer, and turned a test, to conditions."""


class Search:
    """Search over small typed edits; implements `agent.proposers.base.Proposer`."""

    name = "search"

    def __init__(
        self,
        *,
        evaluator: CandidateEvaluator,
        frontier: Frontier,
        journal: Journal,
        targets: int,
        listen: Listener,
        synthesise: Synthesise | None = None,
        start: CandidatePatch = UNCHANGED,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`start` is what the frontier's edits begin from: what does no better is no progress."""
        self._evaluator = evaluator
        self._frontier = frontier
        self._pairs = Pairs(frontier.best_untried)
        self._journal = journal
        self._targets = targets
        self._listen = listen
        self._clock = clock
        self._trials: dict[int, PendingCandidate] = {}
        self._passed: deque[CandidatePatch] = deque()
        self._submitted: set[frozenset[SourceEdit]] = set()
        """Of this process: two lines or a pair can lead to the same edits."""
        self._synthesise = synthesise
        self._forced: deque[PendingCandidate] = deque()
        self._urgent: deque[PendingCandidate] = deque()
        """Conditions made of seen values, and what passed all failing tests and ran out of time."""
        self._slow: deque[PendingCandidate] = deque()
        """A failing test ran out of its first short time in them."""
        self._doubted: deque[PendingCandidate] = deque()
        self._second_looks = 0
        self._reserve: deque[CandidatePatch] = deque()
        """Forced conditions that pass: hardly ever meant, so they come when all else failed."""
        self._handed: list[CandidatePatch] = []
        """Given to the caller; in the journal once the caller comes back, and so has them safe."""
        self._number = 0
        self._start = start
        self._start_signature: str | None = None
        self._start_quality = 0.0
        self._best = ""
        self._best_quality = 0.0
        self.turned: dict[str, None] = {}
        """Failing tests that some candidate made pass while others still failed."""
        self._partial: dict[frozenset[str], str] = {}
        """Some of the failing tests → the candidates that made those and no more pass."""
        self.tried = len(journal)
        self.exhausted = False

    def propose(self, allowance: Allowance) -> Iterator[CandidatePatch]:
        start = last_report = self._clock()
        tried_before = self.tried
        while self._handed:
            self._journal.add(self._handed.pop().edits)
        if self._start_signature is None:
            self._submit(PendingCandidate(self._start, None))
        while self._clock() - start < allowance.max_seconds and not allowance.is_over:
            if self.tried - tried_before >= allowance.max_candidates:
                return
            self._fill()
            nothing_left = not self._trials and not self._forced
            for evaluation in self._evaluator.collect(0.2) if self._trials else ():
                self._finish(evaluation)
            while self._passed:
                # Kept on the object: the caller may abandon this generator at any yield.
                self._handed.append(self._passed.popleft())
                yield self._handed[-1]
            if nothing_left:
                if not self._reserve:
                    self.exhausted = True
                    return
                self._passed.append(self._reserve.popleft())
            if self._clock() - last_report >= REPORT_SECONDS:
                last_report = self._clock()
                self._report(self.tried - tried_before, last_report - start)

    def learn(self, candidate: CandidatePatch, verdict: Verdict) -> None:
        """Nothing: what the evaluator said guides the search, the verdict comes too late."""

    @property
    def partial(self) -> tuple[str, int] | None:
        """The candidate that made most failing tests pass, but not all: one line, and the number
        of its tests."""
        most = max(self._partial, key=len, default=None)
        return None if most is None else (self._partial[most], len(most))

    @property
    def nearest(self) -> str:
        """The candidate that came nearest to passing, one line; empty when none came nearer."""
        return self._best

    @property
    def ranked(self) -> RankingRecord | None:
        """What a model did as a ranker; None without one."""
        ranker = self._frontier.ranker
        return None if ranker is None else ranker.done

    def settle(self) -> None:
        """Wait for what is in flight, so that somebody else can use the evaluator."""
        while self._trials:
            for evaluation in self._evaluator.collect(0.2):
                self._finish(evaluation)

    def seen(self, test_id: str, lines: Mapping[str, Sequence[int]]) -> list[Observation]:
        """Variables and their attributes at the first and at the last visit of each of these lines
        while a failing test runs; empty where nothing can look."""
        if not isinstance(self._evaluator, ForkingEvaluator):
            return []
        self.settle()
        return self._evaluator.observe(
            (), test_id, lines, hits=SEEN_VISITS, ends=True, timeout_seconds=5.0
        )

    def around(self, start: CandidatePatch, frontier: Frontier) -> Search:
        """A search of edits on top of `start`, on the same evaluator and journal. Settle it
        before this one goes on."""
        self.settle()
        return Search(
            evaluator=self._evaluator,
            frontier=frontier,
            journal=self._journal,
            targets=self._targets,
            listen=self._listen,
            start=start,
        )

    def close(self) -> None:
        if self._frontier.ranker is not None:
            self._frontier.ranker.close()
        self._evaluator.close()
        self._journal.close()

    def _fill(self) -> None:
        if self._forced:
            if self._trials:
                return  # values can be observed only when nothing else runs
            self._follow_forced()
        while len(self._trials) < self._evaluator.window:
            trial = self._next()
            if trial is None:
                return
            edits = frozenset(trial.candidate.edits)
            if trial.patient:
                self._submit(trial)
            elif edits not in self._submitted and trial.candidate.edits not in self._journal:
                self._submitted.add(edits)
                self._submit(trial)

    def _follow_forced(self) -> None:
        """Make conditions from the values seen where forcing one turned a test."""
        while self._forced:
            trial = self._forced.popleft()
            if self._synthesise is not None and trial.site is not None:
                answer = trial.candidate.edits[0].replacement == "True"
                conditions = self._synthesise(trial.site.line, answer)
                self._urgent += [
                    PendingCandidate(candidate, trial.site) for candidate in conditions
                ]

    def _next(self) -> PendingCandidate | None:
        if self._urgent:
            return self._urgent.popleft()
        if self._pairs and self._number % PAIR_TURN == 0:
            pair = self._pairs.pop()
            if pair is not None:
                return PendingCandidate(pair, None)
        single = self._frontier.pop()
        if single is not None:
            return PendingCandidate(*single)
        pair = self._pairs.pop()
        if pair is not None:
            return PendingCandidate(pair, None)
        late = self._slow or self._doubted
        return replace(late.popleft(), patient=True) if late else None

    def _submit(self, trial: PendingCandidate) -> None:
        self._number += 1
        self._trials[self._number] = trial
        self._evaluator.submit(self._number, trial.candidate.edits, patient=trial.patient)

    def _finish(self, evaluation: Evaluation) -> None:
        """Learn from one evaluation; a candidate that passed joins the queue."""
        trial = self._trials.pop(evaluation.number)
        if trial.candidate is self._start:
            self._start_signature = evaluation.signature
            self._start_quality = self._quality(evaluation)
            self._best_quality = max(self._best_quality, self._start_quality)
            self._frontier.usual_seconds = max(evaluation.seconds, LEAST_SECONDS)
            return
        self.tried += not trial.patient
        is_hasty = evaluation.state == "timed_out" and not trial.patient
        if is_hasty and evaluation.targets_passed >= self._targets:
            # It may be the right one, stopped by a slow test that has nothing to do with it.
            self._urgent.appendleft(replace(trial, patient=True))
            return
        if is_hasty:
            self._slow.append(trial)
        elif evaluation.mode == "resident" and self._second_looks < SECOND_LOOKS:
            self._second_looks += 1
            self._doubted.append(trial)
        elif evaluation.state != "passed":
            self._journal.add(trial.candidate.edits)
        if evaluation.state == "does_not_compile":
            return
        quality = self._quality(evaluation)
        progress = quality > self._start_quality
        if trial.site is not None:
            is_changed = evaluation.signature != self._start_signature
            self._frontier.learn(
                trial.site, is_changed=is_changed, progress=progress, seconds=evaluation.seconds
            )
            if progress and evaluation.state != "passed":
                self._pairs.add(trial.candidate, _passing_tests(evaluation))
        if progress and evaluation.state == "target_failed":
            passing_tests = _passing_tests(evaluation)
            self.turned |= dict.fromkeys(sorted(passing_tests))
            self._partial.setdefault(passing_tests, trial.candidate.description)
        if quality > self._best_quality:
            self._best_quality, self._best = quality, trial.candidate.description
        if trial.candidate.operator == PROBE_OPERATOR and progress:
            self._forced.append(trial)
        if evaluation.state == "passed":
            if trial.site is not None and self._frontier.ranker is not None:
                self._frontier.ranker.passed(trial.candidate, trial.site)
            queue = self._reserve if trial.candidate.operator == PROBE_OPERATOR else self._passed
            queue.append(trial.candidate)

    def _quality(self, evaluation: Evaluation) -> float:
        """0 when no target turned; below 1 for some of them; above 1 when all did."""
        share = evaluation.targets_passed / max(self._targets, 1)
        if evaluation.state == "passed":
            return 2.0
        return 1.0 + 0.5 * share if evaluation.state == "regressed" else share

    def _report(self, count: int, seconds: float) -> None:
        rate = count / seconds if seconds > 0 else 0.0
        self._listen(SearchProgress(tried=self.tried, per_second=rate, best=self._best))


def _passing_tests(evaluation: Evaluation) -> frozenset[str]:
    passing_tests = {test for test, outcome in evaluation.outcomes.items() if outcome == "passed"}
    return frozenset(passing_tests)
