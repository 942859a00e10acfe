"""What a text in a commit message or a description cannot do."""

from __future__ import annotations

import pytest

from agent.patches.commit import JOINER, inert


@pytest.mark.parametrize("filler", ["", " and so on" * 15, " and so on" * 500])
def test_no_reference_behind_a_closing_word_stays_whole(filler: str) -> None:
    """Hosts differ in where they stop to read, and so may a second word hide behind the first."""
    text = inert(f"See #3. It is fixed{filler} Closes #12 and https://h/a/b/issues/4")
    assert "#12" not in text
    assert "https://h" not in text
    assert text.replace(JOINER, "").endswith("Closes #12 and https://h/a/b/issues/4")
    assert text.startswith("See #3.")
