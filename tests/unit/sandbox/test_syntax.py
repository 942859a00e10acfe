"""The parser from several threads at once."""

from __future__ import annotations

import ast
import gc
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from sandbox.syntax import literal, parse_expression, parse_module

TEXT = "\n".join(
    f"def f{n}(a, b=[1, (2, {{3: a}})]):\n    return a + b[{n}] * -a" for n in range(60)
)


class Rubbish:
    """Its finalizer lets another thread run, as any finalizer in Python may."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        time.sleep(0.0005)


@pytest.fixture
def often_collected() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(100, 1, 1)
    yield
    gc.set_threshold(*before)


def parsed_together(parse: Callable[[str], ast.AST]) -> list[str]:
    """Four threads parse the same text again and again, and collect rubbish meanwhile."""

    def again_and_again(_: int) -> str:
        for _turn in range(60):
            gc.disable()
            for _cycle in range(3):
                Rubbish()
            gc.enable()
            tree = parse(TEXT)
        return ast.dump(tree)

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(again_and_again, range(4)))


@pytest.mark.usefixtures("often_collected")
def test_threads_that_parse_together_all_get_their_trees() -> None:
    assert parsed_together(parse_module) == [ast.dump(ast.parse(TEXT))] * 4


def test_what_another_library_spoiled_is_parsed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = ast.parse, list[str]()

    def spoiled(source: str, *, mode: str) -> ast.AST:
        calls.append(source)
        if len(calls) < 3:
            raise SystemError("AST constructor recursion depth mismatch (before=36, after=22)")
        return real(source, mode=mode)

    monkeypatch.setattr(ast, "parse", spoiled)
    assert ast.unparse(parse_module("x = 1")) == "x = 1"
    assert len(calls) == 3


@pytest.mark.parametrize("text", ["x =", "\0", "(" * 10_000])
def test_what_does_not_parse_is_told_as_the_parser_tells_it(text: str) -> None:
    with pytest.raises((SyntaxError, ValueError, MemoryError, RecursionError)):
        parse_module(text)


def test_expressions_and_literals() -> None:
    assert ast.unparse(parse_expression("a + 1")) == "a + 1"
    assert literal(" [1, (2, 'x')]") == [1, (2, "x")]
    assert literal(parse_expression("-3")) == -3
    with pytest.raises(ValueError, match="malformed"):
        literal("f()")
