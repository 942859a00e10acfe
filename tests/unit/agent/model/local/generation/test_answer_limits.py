"""The repetition detector and the ledger of token ids."""

from __future__ import annotations

import random

import pytest

from agent.model.local.generation.answer_limits import is_repeating
from agent.model.local.generation.token_ledger import TokenLedger


def stops_at(ids: list[int]) -> int | None:
    return next((n for n in range(len(ids) + 1) if is_repeating(ids[:n])), None)


@pytest.mark.parametrize("period", [1, 2, 7, 50, 160])
def test_a_stretch_said_over_and_over_is_noticed(period: int) -> None:
    start = [1000 + i for i in range(100)]
    found = stops_at(start + list(range(period)) * (2000 // period))
    assert found is not None
    assert found <= 100 + max(384, 6 * period) + 32


def test_code_that_looks_alike_is_let_through() -> None:
    chooser = random.Random(0)
    rows = [token for i in range(200) for token in (1, 2, 3, 4, chooser.randrange(9), 5 + i, 6)]
    assert stops_at(rows) is None
    assert stops_at([7] * 300 + list(range(500))) is None


def letters(text: str) -> list[int]:
    return [ord(character) for character in text]


def test_the_ids_of_an_answer_stay_what_they_were() -> None:
    ledger = TokenLedger(letters, "|")
    prompt, answer = "ask>", "yes"
    assert ledger.encode(prompt) == letters(prompt)
    ledger.remember(prompt + answer, [*letters(prompt), -1, -2])
    assert ledger.encode("ask>yes|more>") == [*letters("ask>"), -1, -2, *letters("|more>")]
    # Where the border is not a special token, the two could have melted together.
    assert ledger.encode("ask>yesterday") == letters("ask>yesterday")
    ledger.remember("ask>yes|more>no", [-9])
    assert ledger.encode("ask>yes|more>no|") == [-9, ord("|")]
