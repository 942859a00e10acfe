"""Whether a test is about a value that a patch changes, or measures with it."""

from __future__ import annotations

import pytest

from agent.validation.differential.instrumentation import base_functions
from agent.validation.differential.value_subject import ValueSubject
from sandbox.languages.python.runners.split.reports import CallReport

SHOP = "def price(count): ...\nclass Till:\n    def __init__(self): ...\n"
FUNCTIONS = base_functions("shop.py", SHOP, SHOP)
ASKED = CallReport(asked=1)


def _measured(
    value: str, called: str = "test_it", calls: CallReport = ASKED, text: str = ""
) -> str:
    subject = ValueSubject(functions=FUNCTIONS, texts=(text,))
    return subject.measured_values(f"tests/test_shop.py::{called}", calls, frozenset([value]))


def test_a_value_beside_a_call_may_measure_it() -> None:
    assert _measured("WANTED") == "`WANTED`"


def test_a_test_that_calls_nothing_is_about_the_value() -> None:
    assert not _measured("WANTED", calls=CallReport())


@pytest.mark.parametrize(
    "called", ["test_unit_price_default", "test_UNIT_PRICE[1]", "testUnitPrice2"]
)
def test_a_test_named_for_the_value_is_about_it(called: str) -> None:
    assert not _measured("UNIT_PRICE", called)


def test_the_name_of_a_function_says_nothing_of_a_value() -> None:
    assert _measured("PRICE", "test_price") == "`PRICE`"


def test_what_code_of_the_project_reads_is_exercised() -> None:
    assert not _measured("RATE", calls=CallReport(asked=1, reads=frozenset(["RATE"])))


@pytest.mark.parametrize("value", ["WANT", "AND"])
def test_a_part_of_a_word_is_no_name(value: str) -> None:
    assert _measured(value, "test_brand_unwanted") == f"`{value}`"


@pytest.mark.parametrize(
    "text",
    [
        "FOUND = shop.price(2)",
        "@pytest.mark.parametrize('found', [price(2)])\ndef test_it(found): ...",
        "class Test:\n    till = shop.Till()",
        "def test_it(found=price(2)): ...",
        "FOUND = price(",
    ],
)
def test_a_call_on_import_counts(text: str) -> None:
    assert _measured("WANTED", calls=CallReport(), text=text) == "`WANTED`"


def test_a_call_in_a_function_is_seen_when_it_is_made() -> None:
    text = "def check():\n    assert price(2)"
    assert not _measured("WANTED", calls=CallReport(), text=text)
