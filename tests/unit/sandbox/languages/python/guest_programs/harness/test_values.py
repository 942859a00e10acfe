"""Pictures of values and of the attributes of objects."""

from __future__ import annotations

import types
from typing import Any

from sandbox.languages.python.guest_programs.evaluation.visits import EndVisits, Visits
from sandbox.languages.python.guest_programs.harness.values import attribute_pictures


class Range:
    def __init__(self, least: int) -> None:
        self.least = least
        self.name = "range"


class Sly:
    """Says of itself what it likes."""

    @property
    def __dict__(self) -> Any:  # type: ignore[override]
        raise AssertionError("no code of the project is asked")

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError("no code of the project is asked")


def test_attributes_are_looked_at_and_nobody_is_asked() -> None:
    variables = {"self": Range(1), "sly": Sly(), "number": 3, "module": types, "kind": Range}
    assert attribute_pictures(variables) == {"self.least": "1", "self.name": "'range'"}


def test_the_first_and_the_last_visit_are_kept() -> None:
    ends, all_visits = EndVisits(100), Visits(2)
    for number in range(5):
        for visits in (ends, all_visits):
            visits.add("a.py", 7, {"n": number})
    ends.add("a.py", 9, {"m": 1})
    ends.add("a.py", 9, {"m": 1})
    assert ends.all() == [("a.py", 7, {"n": "0"}), ("a.py", 7, {"n": "4"}), ("a.py", 9, {"m": "1"})]
    assert all_visits.all() == [("a.py", 7, {"n": "0"}), ("a.py", 7, {"n": "1"})]


def test_after_the_limit_only_new_lines_are_looked_at() -> None:
    ends = EndVisits(2)
    for number in range(5):
        ends.add("a.py", 7, {"n": number})
    ends.add("a.py", 9, {"m": 1})
    assert ends.all()[-1] == ("a.py", 9, {"m": "1"})
    assert ends.all()[1] == ("a.py", 7, {"n": "1"})
