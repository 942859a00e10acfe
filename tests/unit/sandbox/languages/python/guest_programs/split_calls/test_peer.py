"""Two peers in one process: what crosses between the tests and the code, and what does not."""

from __future__ import annotations

import collections
import datetime
import json
import re
import sys
from collections.abc import Callable, Iterator
from threading import Lock
from typing import Any

import pytest

from sandbox.languages.python.guest_programs.marshalling.errors import Foreign, Unsendable
from sandbox.languages.python.guest_programs.marshalling.named_objects import named_objects
from sandbox.languages.python.guest_programs.split_calls.peer import Peer


class Point:
    """A class that both sides know."""

    def __init__(self, x: int) -> None:
        self.x = x


class Pair:
    __slots__ = ("left", "right")


class Names(list):  # type: ignore[type-arg]
    pass


MARKER = object()
HERE = sys.modules[__name__]


def peers(function: Callable[..., Any]) -> Peer:
    """The tests' side of a line whose other end calls `function`."""
    marks = named_objects([HERE])

    def make(own: int, send: Any, receive: Any) -> Peer:
        return Peer(
            send,
            receive,
            parity=own,
            may_hold=lambda kind: kind.__module__ in ("builtins", "collections", __name__),
            module=sys.modules.get,
            named_objects=lambda: marks,
            find=lambda _target: function,
        )

    waiting: list[dict[str, Any]] = []

    def from_there(message: dict[str, Any]) -> None:
        """What the code asks in the middle of a call."""
        waiting.append(near.answer(message))

    far = make(1, from_there, waiting.pop)
    answers: list[dict[str, Any]] = []
    near = make(0, lambda message: answers.append(far.answer(message)), answers.pop)
    return near


def call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return peers(function).ask({}, args, kwargs)


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 7, -(10**900), 1.5, float("inf"), "é\ud800", b"\xff", 2j, ..., range(3)),
        *((1, [2, {3: "x"}]), frozenset([1]), {1, 2}, bytearray(b"a"), slice(1, None)),
        datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC),
        datetime.timedelta(days=-1, microseconds=5),
        collections.OrderedDict([("b", 1), ("a", 2)]),
        collections.deque([1, 2], 5),
        re.compile("a+", re.I),
    ],
    ids=repr,
)
def test_values_cross_with_their_types(value: Any) -> None:
    seen: list[Any] = []
    back = call(lambda one: seen.append(one) or one, value)
    assert (back, type(back)) == (value, type(value))
    assert (seen[0], type(seen[0])) == (value, type(value))


def test_objects_cross_by_their_state() -> None:
    pair = Pair()
    pair.left = Point(1)
    pair.right = pair.left

    def swap(given: Pair) -> Pair:
        assert given is not pair
        assert given.left is given.right
        given.right = Point(2)
        return given

    assert call(swap, pair) is pair
    assert (pair.left.x, pair.right.x) == (1, 2)


def test_arguments_are_changed_in_place() -> None:
    rows, seen, names = [3, 1, 2], {"a": 1}, Names(["x"])

    def work(rows: list[int], seen: dict[str, int], names: Names) -> None:
        rows.sort()
        seen.clear()
        names.append("y")

    call(work, rows, seen, names)
    assert (rows, seen, names) == ([1, 2, 3], {}, ["x", "y"])


def test_markers_stay_themselves_and_bare_objects_come_home() -> None:
    own = object()
    assert call(lambda one: one is MARKER, MARKER)
    assert call(lambda one: [one, one], own) == [own, own]


def test_functions_and_iterators_are_called_where_they_are() -> None:
    calls: list[int] = []

    def key(value: int) -> int:
        calls.append(value)
        return -value

    assert call(lambda rows, key: sorted(rows, key=key), [1, 3, 2], key=key) == [3, 2, 1]
    assert calls == [1, 3, 2]

    def count() -> Iterator[int]:
        yield from (1, 2)

    assert list(call(count)) == [1, 2]


def test_exceptions_are_raised_with_their_class() -> None:
    def fail() -> None:
        raise UnicodeDecodeError("ascii", b"a", 0, 1, "no")

    with pytest.raises(UnicodeDecodeError, match="no"):
        call(fail)


def test_what_cannot_cross_is_said() -> None:
    class Local:
        pass

    class Equal:
        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = object.__hash__

    with pytest.raises(Unsendable, match="Local"):
        call(Local)
    with pytest.raises(Foreign, match="Equal"):
        call(Equal)
    with pytest.raises(Unsendable, match="SimpleNamespace"):
        call(lambda: __import__("types").SimpleNamespace(a=1))


def test_a_mark_on_a_function_of_the_tests_is_not_lost_in_silence() -> None:
    def marks(function: Any) -> Any:
        function.is_marked = True
        return function

    def handler() -> None: ...

    with pytest.raises(Unsendable, match="`is_marked` is set"):
        call(marks, handler)
    assert not hasattr(handler, "is_marked")


def test_an_answer_builds_no_class_that_is_not_allowed() -> None:
    near = peers(lambda: None)
    mock = ["o", ["unittest.mock", "_ANY"], None, [], True]
    __import__("unittest.mock")
    with pytest.raises(Unsendable, match="_ANY"):
        near.unpack({"value": ["r", 3], "nodes": [[3, mock]]})
    with pytest.raises(Unsendable):
        near.unpack({"value": ["r", 99], "nodes": []})


def test_what_cannot_cross_can_be_looked_at() -> None:
    class Local(int):
        pass

    def make(number: int) -> Local:
        made = Local(number)
        made.name = "x"  # type: ignore[attr-defined]
        return made

    def looked(number: int) -> list[Any]:
        near = peers(make)
        there = near.inquire({}, (1,), {})
        assert there["how"] == "returned"
        return [json.dumps(there["view"]), json.dumps(near.view((make(number), (1,), {})).shown)]

    there, same = looked(1)
    assert there == same
    there, other = looked(2)
    assert there != other


@pytest.mark.parametrize("value", [iter([1]), Lock(), lambda: 1, [{"a": Lock()}]])
def test_a_view_says_what_it_does_not_see(value: object) -> None:
    assert peers(len).view([print, 1]).hidden == ""
    assert peers(len).view([value]).hidden


@pytest.mark.parametrize("value", [print, iter([1]), Lock(), lambda: 1, [{"a": Lock()}]])
def test_what_stayed_looks_the_same_from_both_sides(value: object) -> None:
    near = peers(lambda one: [one])
    there = near.inquire({}, (value,), {})["view"]
    here = near.view(([value], (value,), {}))
    assert json.dumps(there) == json.dumps(here.shown)
    assert here.hidden == ""


def test_a_set_looks_the_same_in_any_order_and_a_circle_ends() -> None:
    near = peers(len)
    circle: list[Any] = [1]
    circle.append(circle)
    assert near.view({"b", "a", "c"}).shown == near.view({"c", "b", "a"}).shown
    assert near.view(circle).shown == ["list", [1, ["^", 1]]]


def test_a_sealed_object_may_be_passed_on_and_not_used() -> None:
    lock = Lock()
    assert call(lambda one: [one], lock) == [lock]
    uses: list[Callable[[Any], Any]] = [
        *(bool, len, repr, iter, lambda one: isinstance(one, str), lambda one: one + 1),
        *(lambda one: one == 1, lambda one: one.locked(), lambda one: one.__enter__()),
    ]
    for use in uses:
        with pytest.raises(Unsendable, match="on the other side"):
            call(use, lock)
        assert call(lambda one: one is None, lock) is False


def test_a_comparison_calls_nothing_back() -> None:
    calls: list[int] = []
    near = peers(lambda rows, key: sorted(rows, key=key))
    with pytest.raises(Unsendable, match="calls back"):
        near.inquire({}, ([2, 1],), {"key": calls.append})
    assert calls == []
