from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.untrusted_text import printable, printable_lines, shortened

ANY_TEXT = st.text(st.characters(codec=None))


@settings(deadline=None)  # the first example loads tables
@given(ANY_TEXT)
def test_nothing_that_moves_a_cursor_or_breaks_an_encoder_is_left(text: str) -> None:
    shown = printable(text)
    shown.encode("utf-8")
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in shown)


def test_an_escape_sequence_becomes_visible() -> None:
    assert printable("\x1b[31mred\x9b2J\x07") == "\\x1b[31mred\\x9b2J\\x07"


def test_characters_that_reorder_or_hide_text_become_visible() -> None:
    assert printable("a\u202eb\u200bc\u2028d") == "a\\u202eb\\u200bc\\u2028d"


def test_ordinary_letters_of_any_script_stay() -> None:
    assert printable("größe 大小 [bold] :smile:") == "größe 大小 [bold] :smile:"


def test_a_name_that_is_not_utf8_can_be_printed() -> None:
    assert printable(b"caf\xe9.py".decode("utf-8", "surrogateescape")) == "caf\\udce9.py"


def test_lines_split_at_newlines_only() -> None:
    assert printable_lines("a\tb\nc\rd\x0ce") == ["a    b", "c\\rd\\x0ce"]


@settings(deadline=None)  # the first example loads tables
@given(ANY_TEXT, st.integers(0, 50))
def test_shortened_fits(text: str, width: int) -> None:
    assert len(shortened(text, width)) <= width


def test_shortened_keeps_head_and_tail() -> None:
    assert shortened("tests/test_dates.py::test_leap_year", 20) == "tests/tes…_leap_year"
