"""A patch may change the code around examples that are tests, and not the examples."""

from __future__ import annotations

import pytest

from agent.patches.doctest_examples import broken_examples, pinned_docstring_objections
from sandbox.runners.base import Outcome, TestResult
from tests.support.verdict_case import Layout

BASE = '''
def add(a, b):
    """Add.

    >>> add(1, 2)
    3
    """
    return a * b


class Box:
    """No examples."""

    def size(self):
        """
        >>> Box().size()
        1
        """
        return 2
'''


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        ("a * b", "a + b", False),
        ("No examples", "A box", False),
        ("return 2", "return 1\n\n    def new(self):\n        '''>>> 1\n        1'''", False),
        ("    3\n", "    2\n", True),
        (">>> add(1, 2)\n    3\n", "", True),
        ("Add.", "Multiply.", True),
        ("def add", "def plus", True),
        ('"""\n        >>> Box', 'r"""\n        >>> Box', False),
        ("return 2", "return 2\n\n\nadd.__doc__ = ''", True),
        ("return 2", "return 2\n\n\n__test__ = {}", True),
        ("return 2", "return 2\n\n\nsetattr(add, '__doc__', '')", True),
    ],
)
def test_docstrings_with_examples_are_pinned(before: str, after: str, refused: bool) -> None:
    assert before in BASE
    pair = BASE.encode(), BASE.replace(before, after, 1).encode()
    assert bool(pinned_docstring_objections({"examples.py": pair}, Layout())) is refused
    assert not pinned_docstring_objections({"other.py": pair}, Layout())


def test_the_docstring_that_changed_is_named() -> None:
    pair = BASE.encode(), BASE.replace("        1\n", "        2\n").encode()
    (objection,) = pinned_docstring_objections({"examples.py": pair}, Layout())
    assert objection.endswith("(of `Box.size`, line 15)")


def failed(test_id: str, line: int) -> TestResult:
    details = f'File "/workspace/p/examples.py", line {line}, in p.examples.add'
    return TestResult(test_id=test_id, outcome=Outcome.FAILED, details=details)


@pytest.mark.parametrize(
    ("test_ids", "places"),
    [
        (["p.examples.add"], ("p/examples.py:5",)),
        (["p/examples.py::p.examples.add"], ("p/examples.py:5",)),
        (["p/examples.py::examples.add", "examples.add"], ("p/examples.py:5",)),
        (["p.examples.Box.size"], ()),  # the patch leaves it as it is
        (["p.examples"], ()),
        (["p.examples.add", "p.tests.T.test_a"], ()),
        ([], ()),
    ],
)
def test_examples_are_found_of_what_a_patch_changes(
    test_ids: list[str], places: tuple[str, ...]
) -> None:
    new = "import math\n" + BASE.replace("a * b", "a + b")
    changes = {"p/examples.py": (BASE.encode(), new.encode())}
    failures = {test_id: failed(test_id, 6) for test_id in test_ids}
    paths = ["p/examples.py", "p/tests.py"]
    assert broken_examples(changes, failures, Layout(), paths) == places
    assert not broken_examples({"p/other.py": (b"", b"a")}, failures, Layout(), paths)
