"""Which failing tests no patch of the project can mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.baseline.failures.unrepairable import unrepairable_tests
from sandbox.runners.base import Frame, Outcome, TestResult
from sandbox.snapshots.checkout import resolve
from sandbox.snapshots.copying import take_snapshot

TESTS = """\
import json
import shop
from shop import prices as p

LIMITS = shop.LIMITS

def test_library():
    json.JSONDecoder().raw("x")
    shop.total()

def test_constant():
    table = p.TABLE
    table["tea"]

def test_top():
    LIMITS["tea"]

class TestCase:
    def test_inside(self):
        json.gone()
"""
PATH = "tests/test_shop.py"


def asked(
    tmp_path: Path,
    name: str,
    line: int,
    *,
    exception: str = "builtins.AttributeError",
    outcome: Outcome = Outcome.FAILED,
    ran: dict[str, set[int]] | None = None,
) -> dict[str, str]:
    folder = tmp_path / "shop"
    for path, text in {PATH: TESTS, "shop/__init__.py": "", "shop/prices.py": "TABLE = {}"}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    snapshot = take_snapshot(resolve(str(folder), None, tmp_path / "s"), tmp_path / "snapshots")
    test_id = f"{PATH}::{name}"
    result = TestResult(
        test_id=test_id,
        outcome=outcome,
        message="AttributeError: \x1b[1m'JSONDecoder' object has no attribute 'raw'",
        exception=exception,
        frames=(Frame(path=PATH, line=line, function=name),),
    )
    return unrepairable_tests({test_id: result}, lambda _: ran, {"shop", "tests"}, snapshot)


def test_a_library_that_moved_on(tmp_path: Path) -> None:
    (why,) = asked(tmp_path, "test_library", 8, ran={}).values()
    assert why.startswith("it ends before it runs any code of the project (AttributeError: ")
    assert "\x1b" not in why


def test_a_hang_that_runs_no_code_of_the_project(tmp_path: Path) -> None:
    hang = asked(tmp_path, "test_library", 8, exception="", outcome=Outcome.TIMED_OUT, ran={})
    assert "it hangs and runs no code of the project" in hang[f"{PATH}::test_library"]


def test_inside_a_class(tmp_path: Path) -> None:
    assert asked(tmp_path, "TestCase::test_inside", 20, ran={"shop/prices.py": set()})


@pytest.mark.parametrize(
    ("ran", "exception", "outcome"),
    [
        ({"shop/prices.py": {1}}, "builtins.AttributeError", Outcome.FAILED),
        (None, "builtins.AttributeError", Outcome.FAILED),
        ({}, "builtins.AssertionError", Outcome.FAILED),
        ({}, "_pytest.outcomes.Failed", Outcome.FAILED),
        ({}, "", Outcome.FAILED),
        ({}, "builtins.AttributeError", Outcome.CRASHED),
        ({"shop/prices.py": {1}}, "", Outcome.TIMED_OUT),
    ],
    ids=["ran-a-line", "not-known", "a-claim", "pytest-fail", "no-exception", "crash", "hang"],
)
def test_what_a_patch_may_mend(
    tmp_path: Path, ran: dict[str, set[int]] | None, exception: str, outcome: Outcome
) -> None:
    found = asked(tmp_path, "test_library", 8, exception=exception, outcome=outcome, ran=ran)
    assert found == {}


@pytest.mark.parametrize(
    ("name", "line"), [("test_constant", 13), ("test_top", 16), ("test_library", 9), ("gone", 8)]
)
def test_what_the_test_has_from_the_project_counts(tmp_path: Path, name: str, line: int) -> None:
    assert asked(tmp_path, name, line, ran={}) == {}
