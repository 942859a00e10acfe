"""Generated calls, and what their answers say for people."""

from __future__ import annotations

from typing import Any

from agent.records import BehaviourDifference
from agent.selection.behaviour_signs import signs_of
from agent.validation.differential.generated_calls import _calls, _kind


def question(*args: Any) -> dict[str, Any]:
    target = {"path": "calc.py", "name": "clamp", "lines": [1, 1], "module": "calc"}
    return {"ask": target, "value": ["t", [["t", list(args)], ["r", 2]]], "nodes": []}


def test_neighbours_are_near_and_the_same_each_time() -> None:
    made = list(_calls([question(15, "ab"), question(15, "ab")]))
    assert made == list(_calls([question(15, "ab")]))
    assert made
    assert question(15, "ab") not in made
    for call in made:
        number, text = call["value"][1][0][1]
        assert (number == 15) != (text == "ab")


def test_calls_with_functions_are_left_out() -> None:
    assert not list(_calls([question(["f", 1], 3)]))


def test_kinds_of_difference() -> None:
    assert _kind("returned 1", "returned 1") is None
    assert _kind("returned 1", "returned 2") == "changed"
    assert _kind("returned 1", "raised KeyError") == "raises"
    assert _kind("hung", "returned 1") == "cured"


def test_signs() -> None:
    assert not list(signs_of(BehaviourDifference(compared=3, raises=3)))
    assert not list(signs_of(BehaviourDifference(compared=20, changed=5)))
    assert not list(signs_of(BehaviourDifference(compared=3, changed=3)))
    ((sentence, penalty),) = signs_of(BehaviourDifference(compared=6, changed=6))
    assert (sentence[:36], penalty) == ("it changes the answer of 6 of 6 gene", 0.0)
    assert "no longer returns" in next(signs_of(BehaviourDifference(compared=20, raises=2)))[0]
    assert "may fit" in next(signs_of(BehaviourDifference(compared=20)))[0]


def test_changing_most_answers_is_told_and_costs_nothing() -> None:
    ((sentence, penalty),) = signs_of(BehaviourDifference(compared=20, changed=15))
    assert "15 of 20" in sentence
    assert penalty == 0
