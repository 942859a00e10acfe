"""What nests too deeply for the compiler has no swap that compiles, and ends nothing."""

from __future__ import annotations

from agent.source.token_swaps import swap_compiles, token_swaps
from sandbox.source import SourceEdit


def test_what_nests_too_deeply_does_not_compile() -> None:
    text = f"x = {'-' * 50_000}1\n"
    assert not swap_compiles(text, SourceEdit("m.py", 0, 1, "y"))
    chain = f"x = {'a + ' * 20_000}1\n"
    assert not swap_compiles(chain, SourceEdit("m.py", 0, 1, "y"))


def test_swaps_stand_where_their_token_does() -> None:
    text = "a = 1\n\x0c\nb = a < 2\n"
    swaps = list(token_swaps("m.py", text))
    assert {text[swap.start : swap.end] for swap in swaps} == {"a", "b", "1", "2", "<"}
