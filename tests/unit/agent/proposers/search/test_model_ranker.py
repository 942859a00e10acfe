"""A model's ranking mixed into the search's: by a scorer whose opinions are known."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import pytest

from agent.model.base import Completion, GenerationParams, Message, Tool
from agent.model.errors import ScoringUnsupported
from agent.proposers.search.frontier import PROBE_OPERATOR, Frontier
from agent.proposers.search.likelihood.ranking_question import Question, question
from agent.proposers.search.model_ranker import Ranker
from agent.records import CandidatePatch, SuspiciousLine
from sandbox.source import SourceEdit

TEXT = "def area(a, b):\n    size = a + b\n    return size\n"
AT = TEXT.index("+")


def line(number: int = 2, score: float = 1.0) -> SuspiciousLine:
    return SuspiciousLine(path="m.py", line=number, score=score, ochiai=score, dstar=score)


def sign(replacement: str, score: float, operator: str = "arithmetic") -> CandidatePatch:
    edits = (SourceEdit("m.py", AT, AT + 1, replacement),)
    return CandidatePatch(
        edits=edits, proposer="search", operator=operator, description=replacement, score=score
    )


EDITS = [sign("-", 0.6), sign("*", 0.1), sign("/", 0.3)]


class Likes:
    """A scorer that finds what holds `word` likely. Stands in for a GPU."""

    name = "likes"
    context_window = 100_000

    def __init__(self, word: str, hold: threading.Event | None = None) -> None:
        self._word, self._hold = word, hold
        self.asked: list[tuple[str, list[str]]] = []

    def generate(
        self,
        messages: Sequence[Message],
        tools: Sequence[Tool],
        params: GenerationParams,
        n: int = 1,
        **_: object,
    ) -> list[Completion]:
        raise AssertionError("a ranker generates nothing")

    def score(
        self,
        prefix: Sequence[Message] | str,
        continuations: Sequence[str],
        *,
        cancel: threading.Event | None = None,
    ) -> list[float]:
        assert not isinstance(prefix, str)
        self.asked.append((prefix[0].content, list(continuations)))
        if self._hold is not None:
            self._hold.wait(20)
        return [-1.0 if self._word in text else -20.0 for text in continuations]

    def close(self) -> None: ...


class CannotScore(Likes):
    def score(self, *_: object, **__: object) -> list[float]:
        raise ScoringUnsupported("this server gives no log-probabilities")


def ask(at: SuspiciousLine, found: Sequence[CandidatePatch]) -> Question | None:
    return question(at, found, TEXT, "area(2, 3) is 5, not 6")


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_edit_that_the_model_likes_comes_next() -> None:
    model = Likes("a * b")
    ranker = Ranker(lambda _: model, ask)
    frontier = Frontier([line()], lambda _: list(EDITS), ranker)
    first = frontier.pop()
    assert first is not None
    assert first[0].description == "-"  # nobody waits for the model
    until(lambda: ranker.done.edits > 0)
    second = frontier.pop()
    assert second is not None
    assert second[0].description == "*"
    ranker.passed(*second)
    assert (ranker.done.lines, ranker.done.moved[0].after) == (1, 2)
    assert ranker.done.moved[0].before == 3
    third = frontier.pop()
    assert third is not None
    assert third[0].description == "/"
    assert frontier.pop() is None
    ranker.close()
    asked, continuations = model.asked[0]
    assert "    size = a + b" in asked
    assert "area(2, 3) is 5" in asked
    assert set(continuations) <= {f"    size = a {sign} b\n" for sign in "-*/"}


def test_the_search_goes_on_while_the_model_thinks() -> None:
    hold = threading.Event()
    ranker = Ranker(lambda _: Likes("*", hold), ask)
    frontier = Frontier([line()], lambda _: list(EDITS), ranker)
    order = []
    while (popped := frontier.pop()) is not None:
        order.append(popped[0].description)
    assert order == ["-", "/", "*"]
    hold.set()
    ranker.close()


class Bare:
    """A backend without `score`."""

    name = "bare"


@pytest.mark.parametrize(
    ("model", "why"), [(CannotScore("*"), "no log-probabilities"), (Bare(), "bare cannot score")]
)
def test_a_model_that_cannot_score_is_asked_once(model: object, why: str) -> None:
    ranker = Ranker(lambda _: model, ask)  # type: ignore[arg-type, return-value]
    frontier = Frontier([line(), line(3, 0.9)], lambda _: list(EDITS), ranker)
    frontier.pop()
    until(lambda: bool(ranker.done.why_not))
    assert why in ranker.done.why_not
    while frontier.pop() is not None:
        assert ranker.take() == []
    ranker.close()


def test_forced_conditions_stay_first() -> None:
    forced = [sign("True", 0.01, PROBE_OPERATOR), sign("False", 0.01, PROBE_OPERATOR)]
    ranker = Ranker(lambda _: Likes("a * b"), ask)
    frontier = Frontier([line()], lambda _: [*EDITS, *forced], ranker)
    order = []
    while (popped := frontier.pop()) is not None:
        order.append(popped[0].description)
        until(lambda: ranker.done.edits > 0)
    assert order == ["True", "False", "*", "-", "/"]
    ranker.close()


def test_edits_far_from_the_line_are_left_to_the_search() -> None:
    far = CandidatePatch(
        edits=(SourceEdit("other.py", 0, 1, "x"),), proposer="s", operator="o", description="far"
    )
    assert question(line(), [far], TEXT, "") is None
    asked = question(line(), [far, EDITS[0]], TEXT, "")
    assert asked is not None
    assert asked.candidates == (EDITS[0],)


def test_all_continuations_cover_the_same_lines() -> None:
    after = len(TEXT) - len("    return size\n")
    added = CandidatePatch(
        edits=(SourceEdit("m.py", after, after, "    size += 1\n"),),
        proposer="s",
        operator="o",
        description="insert",
    )
    asked = question(line(), [EDITS[1], added], TEXT, "")
    assert asked is not None
    assert asked.continuations == (
        "    size = a * b\n    return size\n",
        "    size = a + b\n    size += 1\n    return size\n",
    )
