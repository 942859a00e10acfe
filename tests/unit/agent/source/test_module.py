"""Places in the text of a parsed module."""

from __future__ import annotations

import ast

import pytest

from agent.source.module import Module


@pytest.mark.parametrize("text", ["x = 'ä' + b\r\ny = c\r\n", "x = 'ä' + b\ny = c", "é = b\ry = c"])
def test_spans_give_the_source_of_every_name(text: str) -> None:
    module = Module.parse("m.py", text)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Name):
            assert module.source(node) == node.id


def test_statement_span_covers_a_call_over_lines_and_a_header_without_its_body() -> None:
    text = "f(a,\n  b)\nif (a and\n    b):\n    c = 1\n"
    module = Module.parse("m.py", text)
    assert [module.statement_span(line) for line in range(1, 6)] == [
        (1, 2), (1, 2), (3, 4), (3, 4), (5, 5),
    ]  # fmt: skip


def test_indentation_and_newline_are_those_of_the_file() -> None:
    module = Module.parse("m.py", "if a:\r\n\tb = 1\r\n")
    assert (module.indent_unit, module.newline) == ("\t", "\r\n")


@pytest.mark.parametrize("text", ["def f(:", "x = '\0'"])
def test_what_is_not_python_is_a_syntax_error(text: str) -> None:
    with pytest.raises(SyntaxError):
        Module.parse("m.py", text)


def test_break_leaves_the_nearest_loop_of_the_same_function() -> None:
    text = "for a in b:\n    c\n    def f():\n        d\nelse:\n    e\n"
    module = Module.parse("m.py", text)
    names = {n.id: n for n in ast.walk(module.tree) if isinstance(n, ast.Name)}
    loops = {key: module.loop_of(module.ancestors(names[key]).__next__()) for key in "cde"}
    assert loops["c"] is module.tree.body[0]
    assert loops["d"] is None
    assert loops["e"] is None
