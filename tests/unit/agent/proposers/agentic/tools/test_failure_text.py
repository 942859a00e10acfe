"""A failing test in words."""

from __future__ import annotations

from agent.proposers.agentic.tools.failure_text import failure_text, summary
from sandbox.runners.base import Frame, Outcome, TestResult

CHAINED = """shop/cart.py:7: in total
    return PRICES[name]
E   KeyError: 'tea'

During handling of the above exception, another exception occurred:
tests/test_cart.py:4: in test
    total("tea")
shop/cart.py:9: in total
    raise LookupError("unknown: tea")
E   LookupError: unknown: tea"""


def result(**changes: object) -> TestResult:
    values = {"test_id": "t", "outcome": Outcome.FAILED, **changes}
    return TestResult(**values)  # type: ignore[arg-type]


def test_the_exceptions_before_it_are_told_with_their_places() -> None:
    frames = (
        Frame(path="tests/test_cart.py", line=4, function="test"),
        Frame(path="shop/cart.py", line=9, function="total"),
    )
    text = failure_text(
        "t", result(message="LookupError: unknown: tea", frames=frames, details=CHAINED)
    )
    assert text.split("\n") == [
        "t: failed",
        "  LookupError: unknown: tea",
        "  at tests/test_cart.py:4 in test",
        "  at shop/cart.py:9 in total",
        "  after KeyError: 'tea'",
        "    at shop/cart.py:7 in total:  return PRICES[name]",
    ]


def test_a_native_traceback_is_not_repeated() -> None:
    details = (
        'Traceback (most recent call last):\n  File "/workspace/a.py", line 3, in test\n'
        "    self.assertEqual(1, 2)\nAssertionError: 1 != 2"
    )
    frames = (Frame(path="a.py", line=3, function="test"),)
    text = failure_text(
        "t", result(message="AssertionError: 1 != 2", frames=frames, details=details)
    )
    assert text == "t: failed\n  AssertionError: 1 != 2\n  at a.py:3 in test"


def test_addresses_make_no_difference() -> None:
    ends = {summary(result(message=f"assert <A at 0x7F{n}00> == 1")) for n in range(3)}
    assert ends == {"failed assert <A at 0x…> == 1"}


def test_frames_of_unittest_are_not_told() -> None:
    frames = (
        Frame(path="tests/unittest/case.py", line=4, function="test"),
        Frame(path="/usr/lib/python3.12/unittest/case.py", line=905, function="assertEqual"),
    )
    text = failure_text("t", result(message="AssertionError: 1 != 2", frames=frames))
    assert text == "t: failed\n  AssertionError: 1 != 2\n  at tests/unittest/case.py:4 in test"


def test_a_failed_example_is_told_without_the_frames_of_doctest() -> None:
    library = "/usr/lib/python3.12"
    details = f'''Traceback (most recent call last):
  File "{library}/unittest/case.py", line 58, in testPartExecutor
    yield
  File "{library}/doctest.py", line 2247, in runTest
    raise self.failureException(self.format_failure(new.getvalue()))
    ^^^^^^^^^^^
AssertionError: Failed doctest test for shop.cart
----------
File "/workspace/shop.py", line 4, in shop.cart
Failed example:
    cart()
Expected:
    3
Got:
    1
'''
    message = "AssertionError: Failed doctest test for shop.cart"
    text = failure_text("t", result(message=message, details=details))
    assert library not in text
    assert "yield" not in text
    assert "self.failureException" not in text
    for line in ('File "/workspace/shop.py", line 4', "Failed example:", "cart()", "Got:", "1"):
        assert f"  | {line}" in text or f"  |     {line}" in text
    own = details.replace(f"{library}/doctest.py", "/workspace/lib/doctest.py")
    assert "/workspace/lib/doctest.py" in failure_text("t", result(message=message, details=own))


def test_the_end_of_what_the_test_printed_follows() -> None:
    printed = "Captured stdout call:\n" + "x" * 2000 + "\nlast"
    lines = failure_text("t", result(message="assert 0", printed=printed)).split("\n")
    assert lines[:2] == ["t: failed", "  assert 0"]
    assert lines[2:] == ["  > [… 2023 characters …]", "  > last"]
    one_line = failure_text("t", result(message="assert 0", printed="x" * 2000)).split("\n")
    assert one_line[2:] == ["  > [… 1000 characters …]", f"  > {'x' * 1000}"]
    short = failure_text("t", result(message="assert 0", printed="one\ntwo\n")).split("\n")
    assert short[2:] == ["  > one", "  > two"]


def test_of_two_long_lines_the_place_is_shown_where_they_differ() -> None:
    common = "a" * 700
    details = f"E   - {common}b{common}\nE   + {common}c{common}"
    text = failure_text("t", result(message="assert", details=details))
    assert "two lines differ first at character 701: 'aaa" in text
    assert "ab" in text.split("two lines")[1].split(" and ")[0]
    short = failure_text("t", result(message="assert", details="E   - ab\nE   + ac"))
    assert "differ first" not in short


def test_a_difference_of_which_the_message_holds_the_head_is_told_in_one_piece() -> None:
    message = "AssertionError: assert 'a\\nb' == 'a\\nc'\n  \n    a\n  - c"
    details = (
        "    assert text == 'a\\nc'\n"
        "E   AssertionError: assert 'a\\nb' == 'a\\nc'\nE     \nE       a\nE     - c\nE     + b"
    )
    frames = (Frame(path="tests/test_text.py", line=4, function="test"),)
    assert failure_text("t", result(message=message, details=details, frames=frames)).split(
        "\n"
    ) == [
        "t: failed",
        "  AssertionError: assert 'a\\nb' == 'a\\nc'",
        "      a",
        "    - c",
        "    + b",
        "  at tests/test_text.py:4 in test",
    ]
