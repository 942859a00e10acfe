"""Two patches that pass the same test: the same calls tell them apart, and faults go unnoticed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import pytest

from agent.selection.overfitting.behaviour_signs import MIN_RANKED_CALLS
from agent.validation import test_strength
from agent.validation.differential.calls import common_calls as subject
from agent.validation.differential.calls.agreement import signs_of_patch
from agent.validation.differential.calls.common_calls import common_calls
from agent.validation.test_strength import strength_at
from sandbox.base import Session
from tests.support.verdict_case import Case, open_case

BAD = "def add(a, b):\n    return a - b\n"
TESTS = (
    "from calc import add\n\n\ndef test_add():\n    assert add(2, 3) == 5\n\n\n"
    "def test_nothing_added():\n    assert add(4, 0) == 4\n"
)
RIGHT, WRONG = BAD.replace("-", "+"), BAD.replace("a - b", "a + b if a < 9 else []")
ADD = "tests/test_calc.py::test_add"


@pytest.fixture(autouse=True)
def _no_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine must not decide what is looked at."""
    monkeypatch.setattr(test_strength, "MAX_STRENGTH_SECONDS", math.inf)
    monkeypatch.setattr(subject, "GENERATED_CALLS_SECONDS", math.inf)


@pytest.fixture(scope="module")
def case() -> Iterator[Case]:
    with open_case({"calc.py": BAD, "tests/test_calc.py": TESTS}) as opened:
        yield opened


def test_the_same_calls_tell_patches_apart(case: Case) -> None:
    check = case.validation.remote_calls
    assert check is not None
    patches = [{"calc.py": (BAD.encode(), text.encode())} for text in (RIGHT, RIGHT, WRONG)]
    opened: list[Session] = []

    @contextmanager
    def one_at_a_time() -> Iterator[Session]:
        with check.split_run.open_session() as session:
            opened.append(session)
            assert len(opened) == 1
            yield session
            opened.pop()

    split_run = replace(check.split_run, open_session=cast(Any, one_at_a_time))
    common = common_calls(split_run, [ADD], check.guards, patches)
    right, _, wrong = (signs_of_patch(common, number, 3) for number in range(3))
    assert common.guards == 1
    assert right.compared == len(common.calls) > 4
    assert right.changed
    assert (right.rivals, right.raises) == (2, 0)
    if wrong.disagreeing:  # the neighbours may all be small
        assert (right.disagreeing, wrong.disagreeing) == (1, 2)
        assert right.question.startswith("should `add(")


def test_a_patch_that_fits_one_input_is_told_by_its_neighbours_alone(case: Case) -> None:
    """Neighbours of the passing test's call are answered as before by every patch."""
    check = case.validation.remote_calls
    assert check is not None
    narrow = BAD.replace("a - b", "5 if (a, b) == (2, 3) else a - b")
    patches = [{"calc.py": (BAD.encode(), text.encode())} for text in (RIGHT, narrow)]
    common = common_calls(check.split_run, [ADD], check.guards, patches)
    assert common.near_unchanged[0] == 0
    assert common.near_unchanged[1] >= MIN_RANKED_CALLS


@pytest.mark.slow
def test_a_patch_that_a_test_pins_down_and_one_that_none_does(case: Case) -> None:
    pinned = strength_at(case.validation, {"calc.py": (BAD.encode(), RIGHT.encode())})
    assert pinned.tried == pinned.noticed > 0
    loose = RIGHT.replace("return", "return a + b if b < 90 else")
    weak = strength_at(case.validation, {"calc.py": (BAD.encode(), loose.encode())})
    assert weak.noticed < weak.tried
    assert "in calc.py:2" in weak.unnoticed
