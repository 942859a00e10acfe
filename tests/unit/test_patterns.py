"""Patterns are read in one go, whatever text an untrusted side has them look at."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.baseline.failures.environment_failures import collection_breakage
from agent.model.base import Tool
from agent.model.chat.lenient_calls import read_leniently
from agent.patches.constructs.javascript_constructs import new_forms

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("agent", "cli", "sandbox", "workers")
MANY = 60_000
"""Without its mend each of these tests would take longer than anybody waits."""


def _texts_over_lines(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Of the patterns for which `^` is the begin of any line."""
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or "re.M" not in ast.unparse(call):
            continue
        for node in ast.walk(call):
            if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
                value = node.value
                yield node.lineno, value if isinstance(value, str) else value.decode("latin-1")


def test_no_line_begins_with_what_runs_over_lines() -> None:
    r"""`^\s*` looks at n empty lines n times from each of them; `^[^\S\n]*` stays on its line."""
    found = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            text = path.read_text("utf-8")
            if "re.M" in text and "^\\s" in text:
                found += [
                    f"{path.relative_to(ROOT)}:{line}"
                    for line, value in _texts_over_lines(ast.parse(text))
                    if value.startswith(("^\\s*", "^\\s+")) or "|^\\s" in value
                ]
    assert found == []


def test_a_traceback_of_empty_lines_is_read_to_its_end() -> None:
    text = "\n" * MANY + "!"
    assert collection_breakage("tests/test_x.py", text, {"calc"}, bool) is None


@pytest.mark.parametrize(
    "tag", ["<function=", "<tool_call>\n<function name", "<tool_call><function="]
)
def test_a_call_that_ends_in_blanks_is_read_to_its_end(tag: str) -> None:
    tool = Tool(name="look", description="", parameters={"type": "object", "properties": {}})
    text = f"{tag}{' ' * MANY}\n"
    assert read_leniently(text, [tool], truncated=False).calls == ()


def test_a_word_without_end_is_read_to_its_end() -> None:
    assert list(new_forms("a.js", b"", b"$" * (4 * MANY))) == []
    assert list(new_forms("a.js", b"", b"const s = error.stack;")) != []
