"""The judge of QuixBugs answers: it must neither pass a wrong program nor refuse a right one."""

from __future__ import annotations

import ast
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from agent.evaluation.grading.program import ProgramEnding
from agent.evaluation.suites.projects.quixbugs.agreement import (
    Agreement,
    Unloadable,
    agreement_on,
    results_told,
)
from agent.evaluation.suites.projects.quixbugs.allowed_results import is_allowed
from agent.evaluation.suites.projects.quixbugs.guest_programs import calls
from agent.evaluation.suites.projects.quixbugs.inputs import GENERATORS, inputs
from sandbox.base import CommandResult


@pytest.fixture(autouse=True)
def _alarm() -> Iterator[None]:
    before = signal.signal(signal.SIGALRM, calls._alarm)
    yield
    signal.signal(signal.SIGALRM, before)


def compared(
    right: Callable[..., Any], other: Callable[..., Any], name: str, asked: Sequence[list[Any]]
) -> Agreement:
    expected, actual = (list(calls.results(one, name, asked)) for one in (right, other))
    return agreement_on(name, asked, expected, actual)


def right_gcd(a: int, b: int) -> int:
    return a if b == 0 else right_gcd(b, a % b)


def test_inputs_are_the_same_each_time_and_new() -> None:
    first = inputs("gcd", 7, 50, [])
    assert first == inputs("gcd", 7, 50, [])
    assert first != inputs("gcd", 8, 50, [])
    assert first[0] not in inputs("gcd", 7, 50, [first[0]])
    assert len({repr(value) for value in first}) == 50


@pytest.mark.parametrize("name", sorted(GENERATORS))
def test_every_program_has_at_least_fifty_inputs(name: str) -> None:
    assert len(inputs(name, 1, 50, [])) == 50


def test_a_program_agrees_with_itself() -> None:
    agreement = compared(right_gcd, right_gcd, "gcd", inputs("gcd", 1, 100, []))
    assert (agreement.compared, agreement.differing, agreement.agrees) == (100, 0, True)


def test_one_wrong_result_in_many_is_found() -> None:
    def special(a: int, b: int) -> int:
        return 5 if (a, b) == (6, 4) else right_gcd(a, b)

    agreement = compared(right_gcd, special, "gcd", [[9, 6], [6, 4], [8, 2]])
    assert agreement.differing == 1
    assert agreement.example == "[6, 4] gives 5"
    assert not agreement.agrees


def test_raising_where_the_correct_version_answers_is_wrong() -> None:
    def raising(_a: int, _b: int) -> int:
        raise ZeroDivisionError

    agreement = compared(right_gcd, raising, "gcd", [[9, 6]])
    assert agreement.differing == 1
    assert agreement.example.endswith("gives raised ZeroDivisionError")


def test_inputs_that_the_correct_version_refuses_are_dropped() -> None:
    def refusing(a: int, b: int) -> int:
        if a == 9:
            raise ValueError
        return right_gcd(a, b)

    agreement = compared(refusing, right_gcd, "gcd", [[9, 6], [8, 2]])
    assert (agreement.compared, agreement.differing) == (1, 0)
    assert not compared(refusing, right_gcd, "gcd", [[9, 6]]).agrees, "nothing was compared"


def test_a_hang_ends_and_all_that_is_not_asked_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "CALL_SECONDS", 0.05)

    def hanging(_a: int, _b: int) -> int:
        while True:
            pass

    asked = [[n, 1] for n in range(9)]
    ends = [how for how, _ in calls.results(hanging, "gcd", asked)]
    assert ends == ["hung"] * calls.HANGS_BEFORE_STOP + ["stopped"] * 6
    assert compared(right_gcd, hanging, "gcd", asked).differing == 9


def test_a_generator_is_read_and_is_not_a_list() -> None:
    def lazy(values: list[int]) -> Iterator[int]:
        yield from values

    lazily = calls.call(lazy, "flatten", [[1, 2]])
    assert lazily == ("value", ["generator", 1, 2])
    assert calls.call(list, "flatten", [[1, 2]]) != lazily


def test_graphs_are_built_for_each_call() -> None:
    def reverse(node: calls.Node | None) -> calls.Node | None:
        previous = None
        while node is not None:
            node.successor, previous, node = previous, node, node.successor
        return previous

    twice = [calls.call(reverse, "reverse_linked_list", [3]) for _ in range(2)]
    assert twice == [("value", [2, 1, 0])] * 2


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1, 1.0, True),
        (True, 1, True),
        ([1], (1,), False),
        ({1, "1"}, frozenset({"1", 1}), True),
        ({2: "b", 1: "a"}, {1: "a", 2: "b"}, True),
        (2**70, 2**70 + 1, False),
        (0.1 + 0.2, 0.3, False),
        ("1", 1, False),
        (None, 0, False),
        (list(range(5000)), list(range(5000)), True),
        (list(range(5000)), [*range(4999), 0], False),
    ],
)
def test_results_are_the_same_where_a_test_would_take_them_so(
    one: object, other: object, same: bool
) -> None:
    told = [calls.told(lambda _, value=value: value, "gcd", [0]) for value in (one, other)]
    assert (told[0] == told[1]) is same


def test_what_cannot_be_told_is_no_value() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert calls.told(lambda: endless, "gcd", []) == ("raised", "RecursionError")


def test_freedom_is_what_the_description_gives_and_no_more() -> None:
    assert is_allowed("find_in_sorted", [[5, 5, 6], 5], 0, 1)
    assert not is_allowed("find_in_sorted", [[5, 5, 6], 5], 0, 2)
    assert not is_allowed("find_in_sorted", [[5, 5, 6], 7], -1, 0)
    assert is_allowed("longest_common_subsequence", ["ab", "ba"], "a", "b")
    assert not is_allowed("longest_common_subsequence", ["ab", "ba"], "a", "ab")
    assert is_allowed("sqrt", [4, 0.1], 2.0, 2.05)
    assert not is_allowed("sqrt", [4, 0.1], 2.0, 2.2)
    assert is_allowed("topological_ordering", [3, [[0, 2]]], [0, 1, 2], [1, 0, 2])
    assert not is_allowed("topological_ordering", [3, [[0, 2]]], [0, 1, 2], [2, 1, 0])
    assert not is_allowed("gcd", [4, 2], 2, 1)


def test_another_spanning_tree_of_the_same_weight_is_allowed() -> None:
    edges = [[1, 2, 5], [2, 3, 5], [1, 3, 5]]
    right = {(1, 2), (2, 3)}
    assert is_allowed("minimum_spanning_tree", [edges], right, {(1, 2), (1, 3)})
    assert not is_allowed("minimum_spanning_tree", [edges], right, {(1, 2)})
    heavier = [[1, 2, 5], [2, 3, 5], [1, 3, 9]]
    assert not is_allowed("minimum_spanning_tree", [heavier], right, {(1, 2), (1, 3)})


def test_an_allowed_result_is_told_as_data_and_counts_as_right() -> None:
    edges = [[1, 2, 5], [2, 3, 5], [1, 3, 5]]
    agreement = compared(
        lambda _: {(1, 2), (2, 3)}, lambda _: {(1, 3), (1, 2)}, "minimum_spanning_tree", [[edges]]
    )
    assert (agreement.differing, agreement.not_identical, agreement.agrees) == (0, 1, True)


@pytest.mark.parametrize(
    "text",
    ['["set", ["list"]]', "[]", "{", "[" * 5000 + "]" * 5000, '["list", ["int", "zz"]]', "NaN"],
)
def test_a_forged_result_is_wrong_and_harms_nobody(text: str) -> None:
    for name in GENERATORS:
        asked = inputs(name, 1, 1, [])
        right = ("value", '["list", 0]')
        assert agreement_on(name, asked, [right], [("value", text)]).differing == 1


@pytest.mark.parametrize(
    ("stdout", "passed", "why"),
    [
        ('{"results": [["value", "1"]]}', False, "it ended early"),
        ('{"unloadable": "SyntaxError: no"}', True, "cannot be loaded: SyntaxError"),
        ('{"results": []}', True, "something else than its results"),
        ('{"results": [["value", 1]]}', True, "something else than its results"),
        ('{"results": [["value"]]}', True, "cannot be read"),
        ('{"results": 7}', True, "cannot be read"),
        ("[]", True, "cannot be read"),
        ("[" * 100_000, True, "cannot be read"),
        ("", True, "cannot be read"),
    ],
)
def test_what_is_no_list_of_results_has_a_sentence(stdout: str, passed: bool, why: str) -> None:
    command = CommandResult(exit_code=0, stdout=stdout, stderr="", seconds=0.1)
    with pytest.raises(Unloadable, match=why):
        results_told(ProgramEnding(command=command, passed=passed), 1)


def test_the_guest_program_needs_nothing_but_the_standard_library() -> None:
    tree = ast.parse(Path(calls.__file__).read_text(encoding="utf-8"))
    modules = {
        name
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert {name.partition(".")[0] for name in modules} <= sys.stdlib_module_names
