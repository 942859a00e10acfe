"""Putting a changed body into live functions, and refusing what that cannot do exactly."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from sandbox.languages.python.guest_programs.evaluation.code_swap import (
    NotSwappable,
    SourceMap,
    Swapper,
)
from sandbox.languages.python.guest_programs.harness.source import Edit

SOURCE = '''import functools
def keep(function):
    @functools.wraps(function)
    def inner(*values):
        return function(*values)
    return inner
class Outer:
    class Inner:
        def __init__(self): self.__hidden = 1
        def secret(self):
            """Words."""
            return self.__hidden
        def parent(self):
            return super().__init__()
if True:
    @keep
    def caf\u00e9(x, y=1): return x + y
else:
    def caf\u00e9(x, y=1): return None
def make(n):
    return [i for i in range(n)]
def numbers():
    yield 1
'''

Load = Callable[[str], tuple[ModuleType, Callable[[str, str], None]]]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Import a text as a module; returns it and a function that swaps one replacement in."""

    def load_text(text: str) -> tuple[ModuleType, Callable[[str, str], None]]:
        path = tmp_path / "swapped.py"
        path.write_bytes(text.encode())
        spec = importlib.util.spec_from_file_location("swapped", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        source, swapper = SourceMap(str(path)), Swapper(set(), str(tmp_path))

        def swap(before: str, after: str) -> None:
            start = source.text.index(before)
            edit: Edit = ("swapped.py", start, start + len(before), after)
            swapper.swap(source, [edit])

        return module, swap

    return load_text


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_bodies_change_in_place(load: Load, newline: str) -> None:
    module, swap = load(SOURCE.replace("\n", newline))
    shape = module.Outer.Inner()
    swap("return self.__hidden", "return self.__hidden + 1")
    assert shape.secret() == 2
    swap("return super().__init__()", "return super().__repr__()[0]")
    assert shape.parent() == "<"
    swap("return x + y", "return x * 10 + y")
    assert module.café(1) == 11
    swap("return function(*values)", "return -function(*values)")
    assert module.café(1) == -11
    swap("[i for i in range(n)]", "sorted({i for i in range(n)}, key=lambda i: -i)")
    assert module.make(3) == [2, 1, 0]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("y=1", "y=2"),
        ("Words", "Other words"),
        ("import functools", "import functools, os"),
        ("    yield 1\n", "    return [1]\n"),
        ("    yield 1\n", "    yield 1\nEXTRA = 1\n"),
        ("return self.__hidden", "return super().__repr__()"),
    ],
)
def test_what_needs_an_import_is_refused(load: Load, before: str, after: str) -> None:
    _, swap = load(SOURCE)
    with pytest.raises(NotSwappable):
        swap(before, after)


def test_what_does_not_compile_is_a_syntax_error(load: Load) -> None:
    _, swap = load(SOURCE)
    with pytest.raises(SyntaxError):
        swap("return x + y", "return x +")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="generic syntax came with 3.12")
def test_generic_functions_are_left_to_the_import(load: Load) -> None:
    _, swap = load("def first[T](items: list[T]) -> T:\n    return items[0]\n")
    with pytest.raises(NotSwappable):
        swap("items[0]", "items[-1]")
