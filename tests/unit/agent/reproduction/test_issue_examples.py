"""Examples out of issue texts: what is claimed, and what is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.reproduction.examples import Claim
from agent.reproduction.expected_values import stated_value
from agent.reproduction.import_names import importable_names
from agent.reproduction.issue_examples import examples, shown_exceptions
from agent.reproduction.test_writer import can_be_written, test_text

TRACEBACK = """```
Traceback (most recent call last):
  File "x.py", line 2, in <module>
    area([])
  File "geo.py", line 7, in area
IndexError: list index out of range
```"""
TWO_OUTPUTS = "Actual:\n```\n3\n```\nExpected:\n```\n4\n```"


@pytest.mark.parametrize(
    ("text", "code", "claim", "stated"),
    [
        ("```\n>>> area(2)\n3\n```\nI expected `4`.", "area(2)", Claim.VALUE, "4"),
        ("Docs say:\n\n>>> area(2)\n4\n", "area(2)", Claim.VALUE, "4"),
        (">>> area(2)\n3\nexpected 4", "area(2)", Claim.VALUE, "4"),
        ("`area(2)` returns 3 instead of 4.", "area(2)", Claim.VALUE, "4"),
        ("`area(-1)` should raise a ValueError.", "area(-1)", Claim.RAISES, "ValueError"),
        ("```py\narea(2)  # should be 4\n```", "area(2)", Claim.VALUE, "4"),
        ("In [3]: area(2)\nOut[3]: 4", "area(2)", Claim.VALUE, "4"),
        ("```py\nassert area(2) == 4\n```", "assert area(2) == 4\n", Claim.HOLDS, ""),
        (f"```python\narea([])\n```\n{TRACEBACK}", "area([])", Claim.NO_ERROR, "IndexError"),
        (f"```\nprint(f(2))\n```\n{TWO_OUTPUTS}", "print(f(2))", Claim.OUTPUT, "4"),
        (">>> name()\n'a'\n\nIt should return 'b', not 'a'.", "name()", Claim.VALUE, "'b'"),
    ],
)
def test_the_result_stated_is_the_one_asked_for(
    text: str, code: str, claim: Claim, stated: str
) -> None:
    (example,) = examples(text)
    assert (example.code, example.claim, example.stated) == (code, claim, stated)
    assert can_be_written(example, {})


@pytest.mark.parametrize(
    "text",
    [
        "It is slow. I expected better.",
        "Currently:\n```\n>>> area(2)\n3\n```",  # what comes out, and nothing of what should
        "```python\nx = 1\n```",
        "`area` should work",
        "```\n$ pip install geo\n```",
        "```diff\n- a\n+ b\n```",
        ">>> area(2)\n<Shape at 0x7f...>",
        "`area(2)` should return 4, or it should return 5.",
    ],
)
def test_what_states_no_result_is_left_alone(text: str) -> None:
    assert examples(text) == []


def test_both_kinds_of_file_compile_and_keep_texts_over_lines() -> None:
    text = (
        '```python\nfrom geo import read\nresult = read("""a\n  b\n""")\nassert result == "a"\n```'
    )
    (example,) = examples(text)
    for as_case in (False, True):
        source, names = test_text([example], {}, as_case=as_case)
        compile(source, "<test>", "exec")
        assert "'a\\n  b\\n'" in source
        assert names == (("IssueTest.test_example_1",) if as_case else ("test_example_1",))


def test_imports_that_the_issue_left_out() -> None:
    sources = [
        ("src/geo/shape.py", "def area(x): ...\ndef twice(): ...\nclass Box: ..."),
        ("src/geo/__init__.py", ""),
        ("src/geo/other.py", "def twice(): ..."),
        ("setup.py", "def main(): ..."),
    ]
    found = importable_names(sources, ("src", "."), frozenset(("geo",)))
    assert found == {
        "area": "from geo.shape import area",
        "Box": "from geo.shape import Box",
        "geo": "import geo",
    }


def test_exceptions_of_tracebacks() -> None:
    assert shown_exceptions(TRACEBACK) == {"IndexError"}
    assert shown_exceptions("Traceback (most recent call last):") == frozenset()


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("Expected: [1, 2]", "[1, 2]"),
        ("should be {'a': 1}.", "{'a': 1}"),
        ("expected output is `None` but got 1", "None"),
        ("should have been 1.5, is 2", "1.5"),
        ("it should be faster", None),
        ("expected 1 and expected 2", None),
    ],
)
def test_stated_values(said: str, value: str | None) -> None:
    assert stated_value(said) == value


@given(st.text(alphabet=">` \n.abc()=1#'\"[]:~Expectdshoul", max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    for example in examples(text):
        can_be_written(example, {})
        assert example.sentence
