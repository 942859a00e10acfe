"""The loop of the search, with an evaluator that answers at once."""

from __future__ import annotations

import threading
from collections.abc import Sequence, Set
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from agent.proposers.base import Allowance
from agent.proposers.search.frontier import Frontier
from agent.proposers.search.journal import Journal
from agent.proposers.search.search import Search
from agent.records import CandidatePatch, SuspiciousLine
from sandbox.evaluation.base import Evaluation
from sandbox.source import SourceEdit

EDITS = 40


class Prompt:
    """Finishes everything in flight in one go; the edits named pass."""

    def __init__(self, passing: set[str], slow: Set[str] = frozenset()) -> None:
        """`slow` ones run out of time unless they are given more."""
        self._passing = passing
        self._slow = slow
        self._waiting: list[Evaluation] = []
        self.seen: list[str] = []

    window = 6

    def submit(self, number: int, edits: Sequence[SourceEdit], *, patient: bool = False) -> None:
        text = edits[0].replacement if edits else ""
        self.seen.append(text)
        hasty = text in self._slow and not patient
        good = text in self._passing and not hasty
        self._waiting.append(
            Evaluation(
                number=number,
                state="passed" if good else "timed_out" if hasty else "target_failed",
                outcomes={},
                signature="wrong",
                targets_passed=int(good),
                seconds=0.0,
                mode="fast",
            )
        )

    def collect(self, timeout_seconds: float) -> list[Evaluation]:
        done, self._waiting = self._waiting, []
        return done

    def close(self) -> None:
        self._waiting.clear()


class Partly(Prompt):
    """`e7` makes one of two failing tests pass."""

    def collect(self, timeout_seconds: float) -> list[Evaluation]:
        texts, done = self.seen[-len(self._waiting) :], super().collect(timeout_seconds)
        return [
            replace(one, targets_passed=1, outcomes={"t::a": "passed", "t::b": "failed"})
            if text == "e7"
            else replace(one, outcomes={"t::a": "failed"})
            for text, one in zip(texts, done, strict=True)
        ]


def search(evaluator: Prompt, journal: Path, targets: int = 1) -> Search:
    def expand(line: SuspiciousLine) -> list[CandidatePatch]:
        return [
            CandidatePatch(
                edits=(SourceEdit("m.py", 0, 1, f"e{number}"),),
                proposer="search",
                operator="test",
                description="",
                score=1.0,
            )
            for number in range(EDITS)
        ]

    line = SuspiciousLine(path="m.py", line=1, score=1.0, ochiai=1.0, dstar=1.0)
    return Search(
        evaluator=evaluator,
        frontier=Frontier([line], expand),
        journal=Journal(journal),
        targets=targets,
        listen=lambda event: None,
    )


def allowance() -> Allowance:
    return Allowance(max_seconds=10.0, max_candidates=1000, stop=threading.Event())


def test_it_ends_when_everything_was_tried_and_not_before(tmp_path: Path) -> None:
    with closing(search(Prompt(set()), tmp_path / "tried.txt")) as one:
        assert list(one.propose(allowance())) == []
        assert (one.tried, one.exhausted) == (EDITS, True)


def test_a_test_that_turned_by_itself_is_kept_in_mind(tmp_path: Path) -> None:
    with closing(search(Partly(set()), tmp_path / "tried.txt", targets=2)) as one:
        assert list(one.propose(allowance())) == []
        assert list(one.turned) == ["t::a"]


def test_what_ran_out_of_its_short_time_gets_more_after_everything_else(tmp_path: Path) -> None:
    evaluator = Prompt({"e4"}, slow={"e2", "e4"})
    with closing(search(evaluator, tmp_path / "tried.txt")) as one:
        found = [candidate.edits[0].replacement for candidate in one.propose(allowance())]
        assert (one.tried, one.exhausted) == (EDITS, True)
    assert found == ["e4"]
    assert evaluator.seen[-2:] == ["e2", "e4"]
    assert len(evaluator.seen) == 1 + EDITS + 2


class Resident(Prompt):
    """A process that stays, in which `e1` spoilt `e4`; a patient run is one in its own."""

    def submit(self, number: int, edits: Sequence[SourceEdit], *, patient: bool = False) -> None:
        super().submit(number, edits, patient=patient)
        if edits and not patient:
            spoilt = replace(self._waiting[-1], state="target_failed", targets_passed=0)
            self._waiting[-1] = replace(spoilt, mode="resident")


def test_what_failed_in_a_process_that_stays_is_run_in_its_own_before_the_search_ends(
    tmp_path: Path,
) -> None:
    evaluator = Resident({"e4"})
    with closing(search(evaluator, tmp_path / "tried.txt")) as one:
        found = [candidate.edits[0].replacement for candidate in one.propose(allowance())]
        assert (one.tried, one.exhausted) == (EDITS, True)
    assert found == ["e4"]
    assert len(evaluator.seen) == 1 + 2 * EDITS


class Guarded(Prompt):
    """What runs out of time does so in a test that has nothing to do with it."""

    def collect(self, timeout_seconds: float) -> list[Evaluation]:
        return [
            replace(one, targets_passed=1) if one.state == "timed_out" else one
            for one in super().collect(timeout_seconds)
        ]


def test_what_a_slow_regression_stopped_gets_more_time_at_once(tmp_path: Path) -> None:
    evaluator = Guarded({"e4"}, slow={"e2", "e4"})
    with closing(search(evaluator, tmp_path / "tried.txt")) as one:
        found = next(one.propose(allowance())).edits[0].replacement
        assert one.tried < EDITS
        assert found == "e4"
        assert evaluator.seen.count("e2") == evaluator.seen.count("e4") == 2
        assert list(one.propose(allowance())) == []
        assert one.tried == EDITS
    assert evaluator.seen.count("e2") == evaluator.seen.count("e4") == 2


def test_every_candidate_that_passed_is_handed_over(tmp_path: Path) -> None:
    found = []
    with closing(search(Prompt({"e3", "e4", "e5", "e39"}), tmp_path / "tried.txt")) as one:
        while (candidate := next(one.propose(allowance()), None)) is not None:
            found.append(candidate.edits[0].replacement)
    assert sorted(found) == ["e3", "e39", "e4", "e5"]


def test_a_candidate_that_the_caller_may_have_lost_is_tried_again(tmp_path: Path) -> None:
    journal = tmp_path / "tried.txt"
    with closing(search(Prompt({"e3"}), journal)) as first:
        assert next(first.propose(allowance())).edits[0].replacement == "e3"
    # Killed there: nobody knows whether the candidate reached a checkpoint.
    with closing(search(Prompt({"e3"}), journal)) as second:
        assert next(second.propose(allowance())).edits[0].replacement == "e3"
        assert next(second.propose(allowance()), None) is None
    evaluator = Prompt({"e3"})
    with closing(search(evaluator, journal)) as third:
        assert list(third.propose(allowance())) == []
    assert evaluator.seen == [""]


def test_the_edit_that_makes_some_of_the_tests_pass_is_told(tmp_path: Path) -> None:
    with closing(search(Partly(set()), tmp_path / "journal", targets=2)) as trying:
        allowance = Allowance(max_seconds=5.0, max_candidates=1_000, stop=threading.Event())
        assert list(trying.propose(allowance)) == []
        assert trying.partial is not None
        assert trying.partial[1] == 1
