"""Generated calls, and what their answers say for people."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

from agent.records import BehaviourDifference
from agent.selection.overfitting.behaviour_signs import MIN_RANKED_CALLS, signs_of
from agent.validation.differential.calls.common_calls import kind_of, value_of
from agent.validation.differential.calls.generated_calls import (
    _kind,
    answer_text,
    near_calls,
    neighbours_of,
    shown_call,
    steady_answer,
)
from agent.validation.differential.calls.near_answers import unchanged_near
from sandbox.languages.python.guest_programs.split_calls.server import _seed
from sandbox.languages.python.runners.split.messages import Side


def question(*args: Any) -> dict[str, Any]:
    target = {"path": "calc.py", "name": "clamp", "lines": [1, 1], "module": "calc"}
    return {"ask": target, "value": ["t", [["t", list(args)], ["r", 2]]], "nodes": []}


def test_neighbours_are_near_and_the_same_each_time() -> None:
    made = list(neighbours_of([question(15, "ab"), question(15, "ab")]))
    assert made == list(neighbours_of([question(15, "ab")]))
    assert made
    assert question(15, "ab") not in made
    for call in made:
        number, text = call["value"][1][0][1]
        assert (number == 15) != (text == "ab")


def testneighbours_of_with_functions_are_left_out() -> None:
    assert not list(neighbours_of([question(["f", 1], 3)]))


def test_a_recorded_call_and_neighbours_that_name_it() -> None:
    pairs = list(near_calls([question(15, "ab"), question(["f", 1]), question(4)]))
    assert pairs[:2] == [(0, question(15, "ab")), (1, question(4))]
    assert {place for place, _ in pairs[2:]} == {0, 1}
    assert len([place for place, _ in pairs if place == 0]) > MIN_RANKED_CALLS


def test_only_neighbours_of_calls_that_are_repaired_make_a_patch_narrow() -> None:
    """A narrow repair: most calls are answered alike, and so are their neighbours."""
    alike, repaired, unknown = ("1", "1"), ("1", "2"), (None, None)
    places = [0, 1, 1, 1, 0]
    assert unchanged_near(places, [repaired, alike, alike, alike, alike]) == 1
    assert unchanged_near(places, [repaired, alike, alike, alike, repaired]) == 0
    assert unchanged_near(places, [alike, repaired, alike, unknown, alike]) == 1
    assert unchanged_near(places, [alike, alike, alike, alike, alike]) == 0
    assert not list(signs_of(BehaviourDifference(compared=20, near_unchanged=7)))
    assert (
        "on 8 generated calls"
        in next(signs_of(BehaviourDifference(compared=20, near_unchanged=8)))[0]
    )


def test_kinds_of_difference() -> None:
    assert _kind("returned 1", "returned 1") is None
    assert _kind("returned 1", "returned 2") == "changed"
    assert _kind("returned 1", "raised KeyError") == "raises"
    assert _kind("hung", "returned 1") == "cured"


def test_signs() -> None:
    assert not list(signs_of(BehaviourDifference(compared=3, raises=3)))
    assert not list(signs_of(BehaviourDifference(compared=3, changed=3)))
    assert "no longer returns" in next(signs_of(BehaviourDifference(compared=20, raises=2)))[0]
    assert "may fit" in next(signs_of(BehaviourDifference(compared=20)))[0]


def test_changing_answers_is_no_sign_against_a_patch() -> None:
    assert not list(signs_of(BehaviourDifference(compared=20, changed=15)))


def test_the_call_that_is_shown_is_one_that_no_longer_returns() -> None:
    difference = BehaviourDifference(
        compared=20, changed=1, raises=1, example="f(1)", raises_example="f(2)"
    )
    assert "as f(2)" in next(signs_of(difference))[0]


def test_a_call_is_shown_as_it_is_written() -> None:
    assert shown_call(question(15, "ab", None)) == "clamp(15, 'ab', None)"
    listed = {**question(["r", 4], ["r", 6]), "nodes": [[4, ["list", [1, ["r", 4]]]], [6, ["o"]]]}
    assert shown_call(listed).startswith("clamp([1, [1, [1, ")
    assert shown_call(listed).endswith(", …)")


def test_a_call_that_no_longer_returns_is_asked_again() -> None:
    call = {"ask": {"name": "f", "lines": [1, 1]}, "value": None, "nodes": []}
    hung, returned = {"how": "hung"}, {"how": "returned", "value": 1, "nodes": []}

    def answered(*answers: dict[str, Any], base: str = "returned [2, []]") -> str | None:
        left = list(answers)
        server: Any = SimpleNamespace(ask=lambda *_: left.pop(0))
        return steady_answer(server, call, base)

    assert answered(hung, returned) is None  # as on a busy machine
    assert answered(hung, hung) == "hung"
    assert answered(returned) == "returned [1, []]"
    assert answered(hung, base="hung") == "hung"


def test_the_class_that_was_raised_is_known_by_its_name() -> None:
    """As it crosses, a class is its module and its qualified name."""
    node = [2, ["o", ["builtins", "ValueError"], ["t", []], [], False]]
    answer = {"how": "raised", "value": ["r", 2], "nodes": [node]}
    server: Any = SimpleNamespace(ask=lambda *_: answer)
    text = answer_text(server, question(1), Side.BASE)
    assert value_of(text) == "an error (ValueError)"
    assert kind_of("returned 1", text, {"ValueError"}) == "changed"


def test_a_generated_call_is_not_known_by_the_seed() -> None:
    asked: list[Any] = []

    def ask(message: dict[str, Any], *_: Any) -> dict[str, Any]:
        asked.append(message["seed"])
        return {"how": "hung"}

    server: Any = SimpleNamespace(ask=ask)
    for call, side in ((1, Side.BASE), (1, Side.PATCH), (2, Side.BASE)):
        answer_text(server, question(call), side)
    assert asked[0] == asked[1] != asked[2]
    _seed(asked[0])
    state, drawn = random.getstate(), random.random()
    assert state[1][-1] != 624  # what a fresh seed leaves
    _seed(asked[0])
    assert random.random() == drawn
