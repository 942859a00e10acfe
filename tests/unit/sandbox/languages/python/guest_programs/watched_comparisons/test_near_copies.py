"""Instances with one field changed, of every way in which classes keep their fields."""

from __future__ import annotations

import collections
import datetime
import decimal
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

import pytest

from sandbox.languages.python.guest_programs.watched_comparisons.likeness import (
    _holds_all,
    _miscounts,
    _ordered_as_wished,
    _same_as_all,
)
from sandbox.languages.python.guest_programs.watched_comparisons.near_copies import (
    changed,
    near_copies,
    rebuilt,
)


class Plain:
    def __init__(self, x: Any) -> None:
        self.x = x

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Plain) and self.x == other.x

    __hash__ = None  # type: ignore[assignment]


class Slotted:
    __slots__ = ("__private", "x")

    def __init__(self, x: int) -> None:
        self.x = x
        self.__private = "p"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Slotted) and (self.x, self.__private) == (other.x, other.__private)

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Frozen:
    x: int
    names: list[str] = field(default_factory=lambda: ["a"])


class Pair(NamedTuple):
    x: int
    y: str


class Items(list[int]):
    pass


class Table(dict[str, int]):
    pass


class Number(int):
    pass


HONEST = [
    Plain(1), Plain(None), Plain([1, "a"]), Plain({"k": 2.5}), Plain(Plain(3)), Plain(True),
    Slotted(1), Frozen(1), Pair(1, "b"), Items([1, 2]), Table(a=1), Number(5), Fraction(1, 2),
    Plain(datetime.date(2020, 1, 1)), Plain(decimal.Decimal(1)), collections.Counter("ab"),
]  # fmt: skip


@pytest.mark.parametrize("value", HONEST, ids=lambda value: type(value).__name__)
def test_each_neighbour_is_told_apart_and_the_copy_is_not(value: Any) -> None:
    near = near_copies(value)
    assert near
    assert all(type(one) is type(value) for one in near)
    assert rebuilt(value, type(value), {}) == value
    assert not any(one == value for one in near)
    assert not _same_as_all(value, value, "==")


class Lax(Plain):
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Plain)

    def __lt__(self, other: object) -> bool:
        return True

    def __contains__(self, item: object) -> bool:
        return isinstance(item, int)

    def __iter__(self) -> Any:
        return iter([1])

    __hash__ = None  # type: ignore[assignment]


class Within(Number):
    def __eq__(self, other: object) -> bool:
        return isinstance(other, int) and abs(int(self) - int(other)) < 10

    __hash__ = int.__hash__


def test_lax_ones_are_seen() -> None:
    assert _same_as_all(Lax(1), Lax(2), "==")
    assert _same_as_all(Within(1), 5, "==")
    assert _ordered_as_wished(Lax(1), Lax(2), "<")
    assert _holds_all(Lax(1), 7, "in")
    assert _miscounts(Lax(1), 2)
    assert not _miscounts(Items([1]), 1)
    assert not _ordered_as_wished(Number(1), Number(2), "<")
    assert not _ordered_as_wished(Number(1), Number(2), "<=")
    assert not _holds_all(range(0, 10), 7, "in")


def test_changes_are_small() -> None:
    assert list(changed(1)) == [2]
    assert list(changed("a")) == ["aq"]
    assert list(changed(0.5)) == [0.75]
    assert list(changed(Pair(1, "b")))
