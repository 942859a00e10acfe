import pytest
from ledger import format_cents, parse_cents, split_evenly


@pytest.mark.parametrize(
    ("text", "cents"), [("12.50", 1250), ("12.5", 1250), ("7", 700), ("-0.05", -5), (" 3.10 ", 310)]
)
def test_parse(text, cents):
    assert parse_cents(text) == cents


@pytest.mark.parametrize("text", ["", "1,50", "1.234", "ten"])
def test_parse_refuses(text):
    with pytest.raises(ValueError, match="not an amount"):
        parse_cents(text)


def test_format():
    assert format_cents(1250) == "12.50"
    assert format_cents(-5) == "-0.05"


def test_split_with_odd_cents():
    assert split_evenly(1000, 3) == [334, 333, 333]
    assert split_evenly(1001, 3) == [334, 334, 333]


def test_split_without_rest():
    assert split_evenly(900, 3) == [300, 300, 300]


def test_split_between_nobody():
    with pytest.raises(ValueError, match="nobody"):
        split_evenly(100, 0)
