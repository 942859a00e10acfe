"""Errors that a test demands are no sign against a patch that raises them."""

from __future__ import annotations

from agent.source.demanded_errors import demanded_errors, is_demanded

TEST = """
def test_one():
    with pytest.raises((ValueError, errors.Wrong), match="x"):
        f(-1)
    self.assertRaises(LookupError, f, 2)
    pytest.raises(expected_exception=Other)
    raise KeyboardInterrupt
"""


def test_what_a_test_demands() -> None:
    assert demanded_errors([TEST, "no ( python"]) == {"ValueError", "Wrong", "LookupError", "Other"}


def test_a_built_in_error_below_a_demanded_one_is_demanded_but_not_every_one() -> None:
    assert is_demanded("KeyError", ["LookupError"])
    assert is_demanded("Wrong", ["Wrong"])
    assert not is_demanded("TypeError", ["LookupError"])
    assert not is_demanded("TypeError", ["Exception"])
    assert not is_demanded("", ["Exception"])
