"""A patch may change the code around examples that are tests, and not the examples."""

from __future__ import annotations

import pytest

from agent.patches.doctest_examples import pinned_docstring_objections
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
