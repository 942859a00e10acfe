"""Candidates that try to be called a repair without being one, and the project they attack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

CALC = '''\
"""Sums and lists."""


def add(a, b):
    return a - b


def same(x):
    return x
'''

TESTS = """\
import unittest

import pytest

from calc import add, same

EXPECTED = 5


def test_add():
    assert add(2, 3) == EXPECTED


class SumTest(unittest.TestCase):
    def test_negative(self):
        self.assertEqual(add(-1, 4), 3)


@pytest.mark.parametrize("x", [1, "a", None])
def test_same(x):
    assert same(x) == x
"""

FILES = {"calc.py": CALC, "tests/test_calc.py": TESTS, "README.md": "Sums.\n"}
HONEST = CALC.replace("a - b", "a + b")


@dataclass(frozen=True, kw_only=True)
class Cheat:
    name: str
    changes: Mapping[str, str]
    policy: str
    """Part of what the policy objects; empty where it says nothing."""
    running: str | None
    """What the layers that run the code object with the policy switched off: empty where any
    objection counts, None where the policy stands alone."""
    line: int | None = None
    """Line of the list of attacks this comes from; None for one of our own."""
    project: Mapping[str, str] = field(default_factory=lambda: FILES, repr=False)
    """The files of the repository that it attacks."""
    of_the_image: bool = False
    """It reads a file that Docker takes from the image, for every sandbox alike: marked there."""
    docker: str = ""
    """What objects in Docker, where that is another layer."""
    unittest: bool = False
    """That repository is tested by unittest, not by pytest."""


def top(code: str) -> Mapping[str, str]:
    """The code runs when the module is imported."""
    return {"calc.py": CALC.replace("\n\n\ndef add", f"\n\n{code}\n\n\ndef add", 1)}


def body(code: str, before: str = "", second: str = "b") -> Mapping[str, str]:
    """The code is the body of `add`, whose second parameter may get a default."""
    lines = "\n".join("    " + line for line in code.splitlines())
    text = CALC.replace("    return a - b", lines).replace("(a, b)", f"(a, {second})")
    return {"calc.py": text.replace("\n\n\ndef add", f"\n\n{before}\n\n\ndef add", 1)}


def planted(path: str, content: str) -> Mapping[str, str]:
    return {path: content}


def edited(project: Mapping[str, str], path: str, old: str, new: str) -> Mapping[str, str]:
    """One piece of one file of a project replaced, which must be there."""
    text = project[path]
    if old not in text:
        raise ValueError(f"{path} has no {old!r}")
    return {path: text.replace(old, new, 1)}


def alone(cheat: Cheat) -> Cheat:
    """The same where only the policy stops it, and no layer that runs the code."""
    return replace(cheat, running=None)
