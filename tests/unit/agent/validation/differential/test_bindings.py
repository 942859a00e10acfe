"""Which names a patch binds to something else than the function that is asked."""

from __future__ import annotations

import ast

import pytest

from agent.validation.differential.bindings import direct_names, replaced_names

BASE = """\
import os
from dataclasses import dataclass
from math import floor

from .shop import price

LIMIT = 3


def clip(x):
    return x


@dataclass
class Money:
    amount: int

    def doubled(self):
        return self.amount

    @property
    def text(self):
        return ''
"""


def replaced(old: str, new: str, base: str = BASE) -> list[str]:
    assert old in base
    patched = base.replace(old, new, 1)
    words = {"clip", "Money", "price", "floor", "doubled", "LIMIT", "text"}
    return replaced_names(ast.parse(base), ast.parse(patched)).among(words, {"shop"})


@pytest.mark.parametrize(
    ("new", "names"),
    [
        ("clip = around(clip)\n", ["clip"]),
        ("for clip in [around(clip)]:\n    pass\n", ["clip"]),
        ("if clip(1):\n    clip = None\n", ["clip"]),
        ("def clip(x):\n    return 0\n", ["clip"]),
        ("from .other import clip\n", ["clip"]),
        ("class Money(Money):\n    pass\n", ["Money"]),
        ("Money.doubled = other\n", ["Money", "doubled"]),
        ("os.clip = other\n", ["clip"]),
    ],
)
def test_what_is_put_below(new: str, names: list[str]) -> None:
    assert replaced(BASE, f"{BASE}\n\n{new}") == names


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ("from .shop import price", "from .other import price", ["price"]),
        ("from .shop import price", "from shop.other import price", ["price"]),
        ("@dataclass\nclass", "@around\n@dataclass\nclass", ["Money"]),
        ("class Money:", "class Money(Base):", ["Money"]),
        ("    amount: int\n", "    def __new__(cls):\n        return 1\n", ["Money"]),
    ],
)
def test_what_is_put_in_its_place(old: str, new: str, names: list[str]) -> None:
    assert replaced(old, new) == names


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    return x", "    return x + 1"),
        ("def clip(x):", "@lru_cache\ndef clip(x, y=0):"),
        ("LIMIT = 3", "LIMIT = 4\nMORE = 5"),
        ("import os", "import os\nimport re\nfrom .shop import cost"),
        ("from math import floor", "from math import ceil as floor"),
        ("    def doubled", "    def __repr__(self):\n        return ''\n\n    def doubled"),
        ("    amount: int\n", "    amount: int = 0\n    more: int = 1\n"),
        ("def clip", "def new():\n    return 1\n\n\nclass Late:\n    pass\n\n\ndef clip"),
    ],
)
def test_what_an_honest_patch_does(old: str, new: str) -> None:
    assert replaced(old, new) == []


def test_names_that_lead_to_their_function() -> None:
    assert direct_names(ast.parse(BASE)) == {"clip", "Money.doubled", "Money.text"}


@pytest.mark.parametrize(
    "text",
    [
        "@around\ndef f():\n    pass\n",
        "def f():\n    pass\n\n\nf = around(f)\n",
        "try:\n    from a import f\nexcept ImportError:\n    def f():\n        pass\n",
        "class A(metaclass=M):\n    def f(self):\n        pass\n",
        "@around\nclass A:\n    def f(self):\n        pass\n",
        "class A:\n    def f(self):\n        pass\n\n\nA.f = around(A.f)\n",
    ],
)
def test_names_that_may_lead_elsewhere(text: str) -> None:
    assert direct_names(ast.parse(text)) == frozenset()


HEIRS = """\
from dataclasses import dataclass


@dataclass(frozen=True)
class Money:
    amount: int


@dataclass(frozen=True)
class Ledger(Book):
    amount: int
"""


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ("class Ledger(Book):\n", "def __enter__(self):\n        return 1\n", ["Ledger"]),
        ("class Ledger(Book):\n", "__iter__ = _other\n", ["Ledger"]),
        ("class Ledger(Book):\n", "def total(self):\n        return 1\n", []),
        ("class Money:\n", "def __enter__(self):\n        return 1\n", []),
    ],
)
def test_what_an_heir_inherited_is_put_aside(old: str, new: str, names: list[str]) -> None:
    """The interpreter calls it unasked, and no word of a test says so."""
    patched = HEIRS.replace(old, f"{old}    {new}\n", 1)
    found = replaced_names(ast.parse(HEIRS), ast.parse(patched)).among({"Ledger", "Money"}, set())
    assert found == names
