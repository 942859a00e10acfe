"""Flow of data in Java that somebody answered with."""

from __future__ import annotations

from typing import Any

import pytest

from agent.evaluation.grading.java_dataflow import data_flow

tree_sitter = pytest.importorskip("tree_sitter")
grammar = pytest.importorskip("tree_sitter_java")


def flow(body: str) -> list[Any]:
    code = f"void m(int a) {{ {body} }}".encode()
    parser = tree_sitter.Parser(tree_sitter.Language(grammar.language()))
    return data_flow(parser.parse(code).root_node, code)


def test_a_loop_is_followed() -> None:
    assert flow("while (a < 9) { a = a + 1; }")


@pytest.mark.parametrize(
    "head", ["while (a < 9)", "for (int b : a)", "for (int b = 0; b < a; b++)"]
)
def test_loops_in_loops_come_to_an_end(head: str) -> None:
    """Each of 60 doubles what is followed."""
    assert flow(f"{head} " * 60 + "a = a + 1;") == []
