"""Reasons of endings name what a maintainer on GitHub can do, and no options of a command line."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.support.documents import TOP
from workers.forges.publish.advice import OPTIONS, advised

FOLDERS = ("agent/graph", "agent/baseline")
"""What makes reasons."""
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*[a-z](?![\w-])")
OF_OTHER_PROGRAMS = {"--init", "--recursive"}


def options_in_reasons() -> Iterator[str]:
    for folder in FOLDERS:
        for path in sorted((TOP / folder).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            docstrings = {
                ast.get_docstring(node, clean=False)
                for node in ast.walk(tree)
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            }
            for node in ast.walk(tree):
                is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
                if is_text and " " in node.value and node.value not in docstrings:
                    yield from _OPTION.findall(node.value)


def test_each_option_that_a_reason_names_has_its_words_on_github() -> None:
    named = set(options_in_reasons()) - OF_OTHER_PROGRAMS
    assert {"--max-seconds", "--test", "--only"} <= named
    assert named <= set(OPTIONS)


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (
            "the 600 s are over: propose 560 s; raise --max-seconds",
            "the 600 s are over: propose 560 s; raise max_seconds in the service's policy",
        ),
        (
            "no patch was found yet; `repair resume 2026-a` goes on from here",
            "no patch was found yet",
        ),
        (
            "alone t::a can be made to pass: `--only t::a` looks for that patch",
            "alone t::a can be made to pass: `/repair t::a` looks for that patch",
        ),
        ("`a--b` → `a-=-b` in x--y.py", "`a--b` → `a-=-b` in x--y.py"),
    ],
)
def test_what_is_said_instead(reason: str, told: str) -> None:
    assert advised(reason) == told
