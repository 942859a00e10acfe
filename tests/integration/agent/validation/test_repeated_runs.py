"""Failing tests again and again, without a patch and with it: real sandboxes, chance by script."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from agent.validation import repeated_runs
from agent.validation.repeated_runs import MAX_RUNS, repeat_patched, repeat_unchanged
from sandbox.languages.python.runners.pytest import PytestRunner, PytestSetup
from sandbox.runners.base import Outcome, TestReport
from tests.support.own_plugins import OWN_PLUGINS_OFF
from tests.support.verdict_case import Case, open_case

pytestmark = pytest.mark.nightly

BAD = "def add(a, b):\n    return a - b\n"
GOOD = BAD.replace("-", "+")
TEST = "from calc import add\n\n\ndef test_add():\n    assert add(2, 3) == 5\n"
ADD = "tests/test_calc.py::test_add"
CHANGES = {"calc.py": (BAD.encode(), GOOD.encode())}


class Chance(PytestRunner):
    """Gives the failing test another outcome in one of its runs."""

    turns = 0
    """Runs until then; 0 for never."""
    outcome = Outcome.PASSED

    def run(self, *args: Any, **kwargs: Any) -> TestReport:
        report = super().run(*args, **kwargs)
        self.turns -= 1
        if self.turns:
            return report
        result = replace(report.results[ADD], outcome=self.outcome)
        return replace(report, results={**report.results, ADD: result})


@pytest.fixture(autouse=True)
def _no_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine must not decide how many runs there are."""
    monkeypatch.setattr(repeated_runs, "MAX_REPETITION_SECONDS", 1e6)


@pytest.fixture(scope="module")
def chance() -> Chance:
    return Chance(PytestSetup(python=sys.executable, addopts=OWN_PLUGINS_OFF))


@pytest.fixture(scope="module")
def case(chance: Chance) -> Iterator[Case]:
    with open_case({"calc.py": BAD, "tests/test_calc.py": TEST}, chance) as opened:
        yield opened


def test_a_real_failure_and_a_real_repair_are_steady(case: Case, chance: Chance) -> None:
    chance.turns = 0
    unchanged = repeat_unchanged(case.validation)
    patched = repeat_patched(case.validation, CHANGES)
    assert (unchanged.runs, unchanged.sometimes) == (MAX_RUNS, ())
    assert (patched.runs, patched.not_always) == (MAX_RUNS, ())


def test_one_pass_without_the_patch_is_seen(case: Case, chance: Chance) -> None:
    chance.turns, chance.outcome = 4, Outcome.PASSED
    unchanged = repeat_unchanged(case.validation)
    assert unchanged.passes == {ADD: 1}
    assert unchanged.sometimes == (ADD,)


def test_one_failure_with_the_patch_is_seen(case: Case, chance: Chance) -> None:
    chance.turns, chance.outcome = 3, Outcome.FAILED
    assert repeat_patched(case.validation, CHANGES).not_always == (ADD,)


def test_a_test_that_leans_on_another_is_repeated_in_their_midst(chance: Chance) -> None:
    """Alone it fails with the right patch, too."""
    leaning = (
        "import calc\n\n\ndef test_first():\n    calc.SEEN = 3\n\n\n"
        "def test_second():\n    assert calc.add(calc.SEEN, 2) == 5\n"
    )
    chance.turns = 0
    with open_case({"calc.py": "SEEN = 0\n" + BAD, "tests/test_calc.py": leaning}, chance) as case:
        assert case.validation.fail_to_pass == ("tests/test_calc.py::test_second",)
        changes = {"calc.py": (b"", ("SEEN = 0\n" + GOOD).encode())}
        assert repeat_patched(case.validation, changes).not_always == ()
