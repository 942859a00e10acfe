"""What is told of a search before the model is asked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from agent.graph.context.known_facts import learnt


def searched(tried: int, nearest: str = "") -> Any:
    return SimpleNamespace(tried=tried, nearest=nearest)


def test_one_useful_sentence_or_none() -> None:
    assert learnt(None) == ""
    assert learnt(searched(3)) == ""
    assert "None of 500 edits" in learnt(searched(500))
    assert learnt(searched(3, "`<` → `<=` in a.py:3")).endswith("came `<` → `<=` in a.py:3.")
