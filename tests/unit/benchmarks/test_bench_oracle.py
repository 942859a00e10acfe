"""The judge of QuixBugs patches: it must neither pass a wrong program nor refuse a right one."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import oracle
from benchmarks.quixbugs_inputs import GENERATORS, inputs

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def _alarm() -> Iterator[None]:
    before = signal.signal(signal.SIGALRM, oracle._alarm)
    yield
    signal.signal(signal.SIGALRM, before)


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
    agreement = oracle.compare(right_gcd, right_gcd, "gcd", inputs("gcd", 1, 100, []))
    assert (agreement.compared, agreement.differing) == (100, 0)


def test_one_wrong_result_in_many_is_found() -> None:
    def special(a: int, b: int) -> int:
        return 5 if (a, b) == (6, 4) else right_gcd(a, b)

    agreement = oracle.compare(right_gcd, special, "gcd", [[9, 6], [6, 4], [8, 2]])
    assert agreement.differing == 1
    assert "[6, 4]" in agreement.example


def test_raising_where_the_correct_version_answers_is_wrong() -> None:
    def raising(_a: int, _b: int) -> int:
        raise ZeroDivisionError

    assert oracle.compare(right_gcd, raising, "gcd", [[9, 6]]).differing == 1


def test_inputs_that_the_correct_version_refuses_are_dropped() -> None:
    def refusing(a: int, b: int) -> int:
        if a == 9:
            raise ValueError
        return right_gcd(a, b)

    agreement = oracle.compare(refusing, right_gcd, "gcd", [[9, 6], [8, 2]])
    assert (agreement.compared, agreement.dropped, agreement.differing) == (1, 1, 0)


def test_a_hang_ends_and_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oracle, "CALL_SECONDS", 0.05)

    def hanging(_a: int, _b: int) -> int:
        while True:
            pass

    agreement = oracle.compare(right_gcd, hanging, "gcd", [[n, 1] for n in range(9)])
    assert agreement.stopped
    assert agreement.differing == oracle.TIMEOUTS_BEFORE_STOP


def test_a_generator_is_read_and_is_not_a_list() -> None:
    def lazy(values: list[int]) -> Iterator[int]:
        yield from values

    lazily = oracle.call(lazy, "flatten", [[1, 2]])
    assert lazily == ("value", ["generator", 1, 2])
    assert oracle.call(list, "flatten", [[1, 2]]) != lazily


def test_graphs_are_built_for_each_call() -> None:
    def reverse(node: oracle.Node | None) -> oracle.Node | None:
        previous = None
        while node is not None:
            node.successor, previous, node = previous, node, node.successor
        return previous

    twice = [oracle.call(reverse, "reverse_linked_list", [3]) for _ in range(2)]
    assert twice == [("value", [2, 1, 0])] * 2


def test_freedom_is_what_the_description_gives_and_no_more() -> None:
    assert oracle.allowed("find_in_sorted", [[5, 5, 6], 5], 0, 1)
    assert not oracle.allowed("find_in_sorted", [[5, 5, 6], 5], 0, 2)
    assert not oracle.allowed("find_in_sorted", [[5, 5, 6], 7], -1, 0)
    assert oracle.allowed("longest_common_subsequence", ["ab", "ba"], "a", "b")
    assert not oracle.allowed("longest_common_subsequence", ["ab", "ba"], "a", "ab")
    assert oracle.allowed("sqrt", [4, 0.1], 2.0, 2.05)
    assert not oracle.allowed("sqrt", [4, 0.1], 2.0, 2.2)
    assert oracle.allowed("topological_ordering", [3, [[0, 2]]], [0, 1, 2], [1, 0, 2])
    assert not oracle.allowed("topological_ordering", [3, [[0, 2]]], [0, 1, 2], [2, 1, 0])
    assert not oracle.allowed("gcd", [4, 2], 2, 1)


def test_another_spanning_tree_of_the_same_weight_is_allowed() -> None:
    edges = [[1, 2, 5], [2, 3, 5], [1, 3, 5]]
    right = {(1, 2), (2, 3)}
    assert oracle.allowed("minimum_spanning_tree", [edges], right, {(1, 2), (1, 3)})
    assert not oracle.allowed("minimum_spanning_tree", [edges], right, {(1, 2)})
    heavier = [[1, 2, 5], [2, 3, 5], [1, 3, 9]]
    assert not oracle.allowed("minimum_spanning_tree", [heavier], right, {(1, 2), (1, 3)})


def test_a_program_that_does_not_load_is_reported(tmp_path: Path) -> None:
    right, broken = tmp_path / "right.py", tmp_path / "broken.py"
    right.write_text("def gcd(a, b):\n    return a\n")
    broken.write_text("def gcd(a, b:\n")
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.oracle", str(right), str(broken), "gcd"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "SyntaxError" in ended.stdout
