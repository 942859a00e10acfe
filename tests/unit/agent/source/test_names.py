"""Names by which a test comes to the methods of a class that it does not name."""

from __future__ import annotations

import pytest

from agent.source.names import names_leading_to

CODE = """
class _Missing: ...
class Absent(base._Missing): ...
class Gone(Absent, Generic[T]): ...
class Other: ...
missing = _Missing()
typed: _Missing = pkg._Missing(1)
Config.value = Gone()
other = Other()
def f(a, b=_Missing(), *, c=Absent()): return g(d=_Missing(), e=other)
"""


def test_instances_and_the_classes_below() -> None:
    names = {"_Missing", "Absent", "Gone", "missing", "typed", "value", "b", "c", "d"}
    assert names_leading_to("_Missing", [CODE]) == names


def test_a_class_below_in_another_file_is_found() -> None:
    files = ["far = Gone()", "class Gone(Absent): ...", "class Absent(_Missing): ...", "x = Far()"]
    assert names_leading_to("_Missing", files) == {"_Missing", "Absent", "Gone", "far"}


@pytest.mark.parametrize(
    "text",
    ["a" * 1_000_000 + "Owner", "class a(" * 100_000 + "Owner", "Owner = ("],
    ids=["one long word", "many classes that never close", "cut off"],
)
def test_what_does_not_parse_leads_nowhere(text: str) -> None:
    """A pattern would take a time that grows with the square of the first two's length."""
    assert names_leading_to("Owner", [text]) == {"Owner"}
