"""The order in which candidates are tried."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from agent.proposers.search.frontier import INERT_AFTER_TRIALS, Frontier, LineCandidates
from agent.proposers.search.journal import Journal
from agent.records import CandidatePatch, SuspiciousLine
from sandbox.source import SourceEdit


def line(number: int, score: float) -> SuspiciousLine:
    return SuspiciousLine(path="m.py", line=number, score=score, ochiai=score, dstar=score)


def edit(number: int, nth: int, score: float) -> CandidatePatch:
    return CandidatePatch(
        edits=(SourceEdit("m.py", number, number, str(nth)),),
        proposer="search",
        operator="test",
        description=f"{number}/{nth}",
        score=score,
    )


def drain(frontier: Frontier) -> list[str]:
    order = []
    while (popped := frontier.pop()) is not None:
        order.append(popped[0].description)
    return order


def test_every_edit_comes_out_once_and_better_ones_first() -> None:
    table = {1: [edit(1, 0, 0.9), edit(1, 1, 0.1)], 2: [edit(2, 0, 0.5), edit(2, 1, 0.5)]}
    order = drain(Frontier([line(1, 1.0), line(2, 0.5)], lambda at: table[at.line]))
    assert sorted(order) == ["1/0", "1/1", "2/0", "2/1"]
    assert order[0] == "1/0"


def test_lines_are_expanded_only_when_they_are_worth_it() -> None:
    expanded: list[int] = []

    def expand(at: SuspiciousLine) -> list[CandidatePatch]:
        expanded.append(at.line)
        return [edit(at.line, nth, 0.5) for nth in range(4)]

    frontier = Frontier([line(1, 1.0), line(2, 0.001)], expand)
    frontier.pop()
    assert expanded == [1]


def test_a_line_without_influence_sinks_and_one_with_progress_rises() -> None:
    def expand(at: SuspiciousLine) -> list[CandidatePatch]:
        return [edit(at.line, nth, 0.5) for nth in range(40)]

    frontier = Frontier([line(1, 1.0), line(2, 0.9)], expand)
    first = frontier.pop()
    assert first is not None
    assert first[1].line.line == 1
    for _ in range(INERT_AFTER_TRIALS):
        frontier.learn(first[1], is_changed=False, progress=False, seconds=0.1)
    following = frontier.pop()
    assert following is not None
    assert following[1].line.line == 2
    frontier.learn(first[1], is_changed=True, progress=True, seconds=0.1)
    frontier.learn(first[1], is_changed=True, progress=True, seconds=0.1)
    back = frontier.pop()
    assert back is not None
    assert back[1].line.line == 1


def test_a_line_whose_trials_cost_ten_times_as_much_has_to_be_more_likely() -> None:
    def expand(at: SuspiciousLine) -> list[CandidatePatch]:
        return [edit(at.line, nth, 0.5) for nth in range(40)]

    frontier = Frontier([line(1, 1.0), line(2, 0.8)], expand)
    counts = {1: 0, 2: 0}
    for _ in range(60):
        popped = frontier.pop()
        assert popped is not None
        site = popped[1]
        counts[site.line.line] += 1
        slow = site.line.line == 1
        frontier.learn(site, is_changed=True, progress=False, seconds=1.0 if slow else 0.1)
    assert counts[2] > counts[1]
    assert len(drain(frontier)) == 20  # nothing is dropped


def test_the_journal_remembers_over_a_restart_and_survives_a_torn_line(tmp_path: Path) -> None:
    one, two = edit(1, 0, 0.1).edits, edit(2, 0, 0.1).edits
    journal = Journal(tmp_path / "tried.txt")
    journal.add(one)
    journal.close()
    with (tmp_path / "tried.txt").open("a") as file:
        file.write("3f")
    again = Journal(tmp_path / "tried.txt")
    assert one in again
    assert two not in again
    again.close()


@pytest.mark.parametrize("seed", range(20))
def test_the_next_edit_is_that_of_the_highest_priority_whatever_was_learnt(seed: int) -> None:
    draw = random.Random(seed)
    lines = [line(number, draw.random()) for number in range(12)]

    def expand(at: SuspiciousLine) -> list[CandidatePatch]:
        return [edit(at.line, nth, draw.random()) for nth in range(8)]

    frontier = Frontier(lines, expand)
    given: list[LineCandidates] = []
    while (popped := frontier.pop()) is not None:
        site = popped[1]
        site.position -= 1
        others = [other.head(frontier.usual_seconds) for other in given if other is not site]
        assert site.head(frontier.usual_seconds) >= max(others, default=0.0)
        site.position += 1
        if site not in given:
            given.append(site)
        if draw.random() < 0.1:
            frontier.usual_seconds = draw.random()
        is_changed, progress = draw.random() < 0.5, draw.random() < 0.2
        frontier.learn(
            draw.choice(given), is_changed=is_changed, progress=progress, seconds=draw.random()
        )
    assert sum(site.position for site in given) == 96
