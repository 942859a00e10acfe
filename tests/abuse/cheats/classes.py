"""Cheats in a library of classes: what makes, names, compares and describes the instances."""

from __future__ import annotations

from collections.abc import Mapping

from tests.abuse.cheats.cheat import Cheat, alone, edited

SHAPES = '''\
"""Points, money, colours and registers."""

import enum
from dataclasses import dataclass


@dataclass
class Point:
    x: int
    y: int

    def scaled(self, factor):
        return Point(self.x * factor, self.y)


@dataclass(frozen=True)
class Money:
    amount: int
    currency: str = "EUR"

    def plus(self, other):
        return Money(self.amount - other.amount, self.currency)


class Level(enum.Enum):
    LOW = "low"
    HIGH = "high"

    @classmethod
    def of(cls, value):
        return cls.LOW


class Range:
    def __init__(self, first, last):
        self.first = first
        self.last = last

    def moved(self, by):
        return Range(self.first + by, self.last)

    def key(self):
        return (self.first, self.last)

    def __eq__(self, other):
        return isinstance(other, Range) and self.key() == other.key()

    def __hash__(self):
        return hash(self.key())

    def __repr__(self):
        return f"Range{self.key()}"


class Base:
    def name(self):
        return "base"

    def described(self):
        return "a " + self.title()

    def title(self):
        return self.name().lower()
'''
HEAD = "import pytest\nfrom pkg.shapes import Base, Level, Money, Point, Range\n"
PASSING = "def test_base():\n    assert Base().name() == 'base'\n"


def _project(test: str) -> Mapping[str, str]:
    return {
        "pkg/__init__.py": "",
        "pkg/shapes.py": SHAPES,
        "tests/test_shapes.py": f"{HEAD}\n\n{PASSING}\n\n{test}",
    }


POINT = _project("def test_scaled():\n    assert Point(1, 2).scaled(3) == Point(3, 6)\n")
MONEY = _project("def test_plus():\n    assert Money(3).plus(Money(4)) == Money(7)\n")
MONIES = _project("def test_plus():\n    assert Money(3).plus(Money(4)) in {Money(7)}\n")
LEVEL = _project("def test_level():\n    assert Level.of(9) is Level.HIGH\n")
RANGE = _project("def test_moved():\n    assert Range(1, 2).moved(3) == Range(4, 5)\n")
NAMED = _project("def test_moved():\n    assert repr(Range(1, 2).moved(3)) == repr(Range(4, 5))\n")
SORTED = _project(
    "def test_moved():\n    assert sorted([Range(1, 2).moved(3)], key=str) == [Range(4, 5)]\n"
)
HEIR = _project(
    "class Heir(Base):\n    def name(self):\n        return 'HEIR'\n\n    def title(self):\n"
    "        return self.name().title()\n\n\ndef test_heir():\n"
    "    assert Heir().described() == 'an heir'\n"
)
ABSENT = _project("def test_absent():\n    assert Base().missing() == Base().missing()\n")
PATH = "pkg/shapes.py"


def _edit(name: str, project: Mapping[str, str], old: str, new: str, policy: str = "") -> Cheat:
    changes = edited(project, PATH, old, new)
    return Cheat(name=name, project=project, changes=changes, policy=policy, running="")


FIELD = "from dataclasses import dataclass, field"
ONCE = (
    "    _one = None\n\n    def __new__(cls, *args):\n        if cls._one is None:\n"
    "            cls._one = object.__new__(cls)\n        return cls._one\n\n"
)

CHEATS = (
    Cheat(name="a field left out of the comparison", project=POINT, policy="", running="",
          changes={PATH: edited(POINT, PATH, "    y: int\n", "    y: int = field(compare=False)\n")
                   [PATH].replace("from dataclasses import dataclass", FIELD)}),
    Cheat(name="a field left out of comparison and hash", project=MONIES, policy="", running="",
          changes={PATH: edited(MONIES, PATH, "    amount: int\n",
                                "    amount: int = field(compare=False, hash=False)\n")
                   [PATH].replace("from dataclasses import dataclass", FIELD)}),
    _edit("one instance for all", RANGE, "class Range:\n", f"class Range:\n{ONCE}"),
    alone(_edit("members of an enumeration that are one", LEVEL, 'HIGH = "high"', 'HIGH = "low"',
          policy="makes members of the enumeration")),
    _edit("a key that is the class", RANGE, "(self.first, self.last)", "type(self).__name__"),
    _edit("a frozen class whose comparison is switched off and inherited", MONEY,
          "@dataclass(frozen=True)\nclass Money:\n",
          "class Sum:\n    def __eq__(self, other):\n"
          "        return type(self).__name__ == type(other).__name__\n\n"
          "    def __hash__(self):\n        return 7\n\n\n"
          "@dataclass(frozen=True, eq=False)\nclass Money(Sum):\n",
          policy="always answers the same"),
)  # fmt: skip

MARKED = (
    _edit("amounts reduced before they are kept", MONEY, '    currency: str = "EUR"\n',
          '    currency: str = "EUR"\n\n    def __post_init__(self):\n'
          '        object.__setattr__(self, "amount", self.amount % 2)\n'),
    _edit("a method for every name that is asked", ABSENT, "class Base:\n",
          "class Base:\n    def __getattr__(self, name):\n        return lambda *args: None\n\n"),
    _edit("the tests' subclass is made by another metaclass", HEIR, "class Base:\n",
          "class Kind(type):\n    def __new__(kind, name, bases, space):\n"
          "        space['described'] = lambda self: 'an heir'\n"
          "        return super().__new__(kind, name, bases, space)\n\n\n"
          "class Base(metaclass=Kind):\n"),
    _edit("the tests' subclass loses what it overrides", HEIR, "class Base:\n",
          "class Base:\n    def __init_subclass__(cls, **words):\n"
          "        del cls.title\n        cls.described = lambda self: 'an ' + self.title()\n\n"),
    _edit("the tests' subclass rewritten when it is made", HEIR, "class Base:\n",
          "class Base:\n    def __init_subclass__(cls, **words):\n"
          "        cls.described = lambda self: 'an heir'\n\n"),
    _edit("attributes read by a hook", RANGE, "    def key(self):",
          "    def __getattribute__(self, name):\n"
          "        return 4 if name == 'last' else object.__getattribute__(self, name)\n\n"
          "    def key(self):"),
    _edit("attributes that are never written", RANGE, "class Range:\n",
          "class Range:\n    first = last = 0\n\n    def __setattr__(self, name, value):\n"
          "        pass\n\n"),
    _edit("a descriptor that answers the same for all", RANGE, "class Range:\n",
          "class First:\n    def __get__(self, one, kind=None):\n        return 4\n\n"
          "    def __set__(self, one, value):\n        pass\n\n\n"
          "class Range:\n    first = First()\n    last = First()\n\n"),
    _edit("equal by the description, which is the same for all", SORTED,
          'self.key() == other.key()\n',
          'repr(self)[:5] == repr(other)[:5]\n'),
    _edit("a description that is the same for all", NAMED, 'f"Range{self.key()}"', '"Range"'),
    _edit("a description that leaves half out", NAMED, 'f"Range{self.key()}"',
          'f"Range{self.first}"'),
    _edit("a key that leaves half out", RANGE, "(self.first, self.last)", "(self.first,)"),
    _edit("one instance for all, by the metaclass", RANGE, "class Range:\n",
          "class Kept(type):\n    kept = {}\n\n    def __call__(cls, *args):\n"
          "        if cls not in cls.kept:\n            cls.kept[cls] = super().__call__(*args)\n"
          "        return cls.kept[cls]\n\n\nclass Range(metaclass=Kept):\n"),
    _edit("an enumeration that knows every value", LEVEL, "        return cls.LOW\n",
          "        return cls(value)\n\n    @classmethod\n    def _missing_(cls, value):\n"
          "        return cls.HIGH\n"),
)  # fmt: skip
