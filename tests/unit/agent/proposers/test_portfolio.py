"""Search and model side by side: who works when, and whose patch comes first."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from agent.model.base import ToolCall
from agent.model.errors import ModelUnavailable
from agent.proposers.agentic.candidate import key_of
from agent.proposers.base import Allowance
from agent.proposers.passed_patch import PassedPatch
from agent.proposers.portfolio import Portfolio
from agent.records import CandidatePatch, Verdict
from sandbox.errors import SandboxDied
from tests.support.thinking_model import (
    SUBMITS,
    WAIT_SECONDS,
    ThinkingModel,
    agentic,
    conversation_threads,
    patch,
)

PASSES = Verdict(plausible=True, fail_to_pass={"t": "passed"}, pass_to_pass={})
FAILS = Verdict(plausible=False, fail_to_pass={}, pass_to_pass={}, objections=("it fails",))


class StubSearch:
    """Finds what it is given; then tries on until it is told to end."""

    def __init__(self, *found: CandidatePatch) -> None:
        self.found = deque(found)
        self.tried = 0
        self.exhausted = False
        self.ranked = None
        self.working = threading.Event()
        self.closed = False

    def propose(self, allowance: Allowance) -> Iterator[CandidatePatch]:
        self.tried += 1
        self.working.set()
        if self.found:
            yield self.found.popleft()
        ended = allowance.interrupt or allowance.stop
        assert ended.wait(WAIT_SECONDS)

    def close(self) -> None:
        self.closed = True


def portfolio(
    model: ThinkingModel,
    search: StubSearch,
    file: Path,
    *,
    search_seconds: float = 0.0,
    place: Mapping[str, Any] | None = None,
    **conversation: Any,
) -> Portfolio[str]:
    both: Portfolio[str] = Portfolio(
        search=lambda: search,  # type: ignore[arg-type,return-value]
        model=agentic(
            model,
            file,
            first=lambda: both.looked.result(WAIT_SECONDS) or "nothing seen",
            **conversation,
        ),
        polish=lambda miss: pytest.fail("no near miss here"),
        look=lambda made: "seen: x=1",
        search_seconds=search_seconds,
        polish_seconds=0.0,
        place=place or {},
    )
    return both


def allowance(max_candidates: int = 100) -> Allowance:
    return Allowance(
        max_seconds=WAIT_SECONDS, max_candidates=max_candidates, stop=threading.Event()
    )


def next_of(both: Portfolio[str], max_candidates: int = 100) -> CandidatePatch | None:
    return next(iter(both.propose(allowance(max_candidates))), None)


def until_found(both: Portfolio[str]) -> CandidatePatch:
    while (found := next_of(both, max_candidates=0)) is None:
        pass
    return found


def test_the_search_works_while_the_model_thinks(tmp_path: Path) -> None:
    model, search = ThinkingModel(), StubSearch(patch("short", "search"))
    both = portfolio(model, search, tmp_path / "c.sqlite")
    first = next_of(both)
    assert first == patch("short", "search")
    model.wait_until_asked()  # and has not answered
    assert model.prompts == [["rules", "seen: x=1"]]
    both.learn(first, PASSES)
    search.working.clear()
    answering = threading.Thread(target=_answer_once_it_searches, args=(model, search))
    answering.start()
    assert next_of(both) is None, "the slice of the search ends when the model has something"
    assert next_of(both) == patch("right")
    answering.join()
    assert search.tried == 2
    assert both.place["asking"]
    both.learn(patch("right"), PASSES)
    assert [choice.key for choice in both.choices] == [key_of(patch("right"))]
    assert both.place["heard"]
    assert not both.place["asking"]
    both.close()
    assert search.closed
    assert conversation_threads() == []


def _answer_once_it_searches(model: ThinkingModel, search: StubSearch) -> None:
    assert search.working.wait(WAIT_SECONDS)
    model.answer(SUBMITS)


def test_a_head_start_ends_with_what_it_finds_and_the_model_is_asked(tmp_path: Path) -> None:
    model, search = ThinkingModel(), StubSearch(patch("short", "search"))
    both = portfolio(model, search, tmp_path / "c.sqlite", search_seconds=WAIT_SECONDS)
    first = next_of(both)
    assert first is not None
    assert not model.prompts
    both.learn(first, PASSES)
    model.answer(SUBMITS)
    assert until_found(both) == patch("right")
    both.close()


def test_each_conversation_hands_in_its_patch_when_it_has_it(tmp_path: Path) -> None:
    model = ThinkingModel()
    both = portfolio(model, StubSearch(), tmp_path / "c.sqlite", conversations=2)
    looks = ToolCall(name="nothing", arguments={})
    model.answer(SUBMITS)
    model.answer(looks)
    assert until_found(both) == patch("right")
    both.learn(patch("right"), PASSES)
    assert both.place["asking"], "the other one still works"
    model.answer(SUBMITS)  # the same patch: told at once, and not judged again
    while both.place["asking"]:
        assert next_of(both, max_candidates=0) is None
    assert [choice.key for choice in both.choices] == [key_of(patch("right"))] * 2
    both.close()


def test_the_model_is_shown_what_passed_and_may_choose_it(tmp_path: Path) -> None:
    model, short = ThinkingModel(), patch("short", "search")
    both = portfolio(model, StubSearch(short), tmp_path / "c.sqlite")
    found = next_of(both)
    assert found is not None
    model.wait_until_asked()
    both.learn(found, PASSES)
    shown = PassedPatch(number=1, key=key_of(short), description="<b>", diff="-x\n+y\n")
    both.show([shown])
    model.answer(ToolCall(name="choose", arguments={"patch": 2, "reason": "it is right"}))
    model.answer(ToolCall(name="choose", arguments={"patch": 1, "reason": ""}))
    model.answer(ToolCall(name="choose", arguments={"patch": 1, "reason": "it is right"}))
    while both.place["asking"]:
        assert next_of(both, max_candidates=0) is None
    first, second, third = model.prompts
    assert "## Patch 1" not in "".join(first)
    assert "## Patch 1\n\n<b>\n\n    -x\n    +y" in second[-1]
    assert sum("## Patch 1\n" in text for text in third) == 1, "it is told once"
    assert third[-1] == "Not chosen: say in `reason` why this patch is right."
    assert "There is no such patch. Numbers of patches that passed: 1." in second + third
    (choice,) = both.choices
    assert (choice.key, choice.reason) == (key_of(short), "it is right")
    both.close()


def test_a_rejected_patch_goes_back_and_the_conversation_goes_on(tmp_path: Path) -> None:
    model, made = ThinkingModel(), deque([patch("wrong"), patch("right")])
    both = portfolio(model, StubSearch(), tmp_path / "c.sqlite", makes=lambda: made.popleft())
    model.answer(SUBMITS)
    assert until_found(both) == patch("wrong")
    both.learn(patch("wrong"), FAILS)
    model.answer(SUBMITS)
    assert until_found(both) == patch("right")
    assert "it fails" in model.prompts[-1][-1]
    both.close()


class BrokenSearch(StubSearch):
    """Its sandbox dies; only then the model answers."""

    def __init__(self, model: ThinkingModel) -> None:
        super().__init__()
        self.model = model

    def propose(self, allowance: Allowance) -> Iterator[CandidatePatch]:
        self.model.answer(SUBMITS)
        raise SandboxDied("collecting took too long")
        yield


def test_a_search_that_breaks_is_no_end_while_the_model_can_be_heard(tmp_path: Path) -> None:
    model = ThinkingModel()
    both = portfolio(model, BrokenSearch(model), tmp_path / "c.sqlite")
    while (found := next_of(both)) is None:
        assert both.place["search_ended"] == "collecting took too long"
    assert found == patch("right")
    both.close()


def at_the_end(both: Portfolio[str]) -> CandidatePatch | None:
    """What comes once the time is over, however often more of it is given."""
    for _ in range(20):
        short = Allowance(max_seconds=0.5, max_candidates=0, stop=threading.Event())
        found = next(iter(both.propose(short)), None)
        if found is not None:
            return found
    return None


def test_what_was_not_submitted_in_time_is_judged(tmp_path: Path) -> None:
    model, made = ThinkingModel(), deque([patch("wrong"), patch("right")])
    file = tmp_path / "c.sqlite"
    changed = {"m.py": "eA=="}
    both = portfolio(model, StubSearch(), file, makes=lambda: made.popleft(), files=changed)
    model.answer(ToolCall(name="nothing", arguments={}))
    assert at_the_end(both) == patch("wrong")
    assert both.place["asking"], "with more time it goes on"
    both.learn(patch("wrong"), FAILS)
    model.answer(SUBMITS)
    assert until_found(both) == patch("right")
    assert "it fails" in model.prompts[-1][-1]
    assert "the time was over" in model.prompts[-1][-1]
    both.close()


def test_so_is_a_test_that_was_not_submitted_in_time(tmp_path: Path) -> None:
    model = ThinkingModel()
    writer = agentic(model, tmp_path / "c.sqlite", files={"test_m.py": "eA=="})
    model.answer(ToolCall(name="nothing", arguments={}))
    found: list[CandidatePatch] = []
    for _ in range(20):
        short = Allowance(max_seconds=0.5, max_candidates=1, stop=threading.Event())
        found = found or list(writer.propose(short))
    assert found == [patch("right")]
    writer.close()


def test_a_working_copy_without_changes_is_not_judged(tmp_path: Path) -> None:
    model = ThinkingModel()
    both = portfolio(model, StubSearch(), tmp_path / "c.sqlite")
    model.answer(ToolCall(name="nothing", arguments={}))
    assert at_the_end(both) is None
    both.close()


def test_turns_are_counted_while_the_model_works(tmp_path: Path) -> None:
    model = ThinkingModel()
    both = portfolio(model, StubSearch(), tmp_path / "c.sqlite")
    assert not both.place["asked"]
    asking = threading.Thread(target=next_of, args=(both, 0))
    asking.start()
    model.wait_until_asked()
    assert (both.place["asked"], both.place["turns"]) == (True, 0)
    model.answer(ToolCall(name="nothing", arguments={}))
    model.wait_until_asked()
    assert both.place["turns"] == 1
    model.answer(SUBMITS)
    asking.join()
    both.close()


@pytest.mark.parametrize("stopped", [False, True])
def test_a_stop_and_the_end_cancel_what_is_under_way(tmp_path: Path, stopped: bool) -> None:
    model, search = ThinkingModel(), StubSearch(patch("short", "search"))
    both = portfolio(model, search, tmp_path / "c.sqlite")
    allowed = allowance()
    assert next(iter(both.propose(allowed))) == patch("short", "search")
    model.wait_until_asked()
    if stopped:
        allowed.stop.set()
        assert next(iter(both.propose(allowed)), None) is None
    else:
        both.rest()
        assert both.place["asking"], "nothing is lost: a resumed run goes on"
    both.close()
    assert conversation_threads() == []


def test_what_was_paid_for_is_there_after_a_kill(tmp_path: Path) -> None:
    file = tmp_path / "c.sqlite"
    model = ThinkingModel()
    both = portfolio(model, StubSearch(), file)
    model.answer(SUBMITS)
    assert until_found(both) == patch("right")
    # Nothing is closed or told: the process is gone here.
    second = ThinkingModel()
    again = portfolio(second, StubSearch(), file, place=both.place)
    assert until_found(again) == patch("right")
    assert second.prompts == []
    again.learn(patch("right"), PASSES)
    assert again.place["heard"]
    again.close()
    both.close()


@pytest.mark.parametrize("found", [False, True])
def test_a_model_that_breaks_ends_the_repair_only_where_nothing_was_found(
    tmp_path: Path, found: bool
) -> None:
    model = ThinkingModel()
    both = portfolio(model, StubSearch(patch("short", "search")), tmp_path / "c.sqlite")
    candidate = next_of(both)
    assert candidate is not None
    if found:
        both.learn(candidate, PASSES)
    model.break_down()
    if found:
        while both.place["asking"]:
            assert next_of(both, max_candidates=0) is None
        assert both.place["endings"] == ["the server is down"]
    else:
        with pytest.raises(ModelUnavailable):
            until_found(both)
    both.close()
