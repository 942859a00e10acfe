"""Failing tests of several causes: each group is repaired by itself, and what stays red is told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from agent.records import Status
from agent.runs.verification_terms import Terms
from agent.selection.unneeded_changes import UNNEEDED
from agent.verify import verify
from tests.support.agentic_case import SUBMIT, Workshop, edit, turn

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is missing"),
]

CALC = """def total(items):
    result = 0
    for item in items:
        result -= item
    return result
"""
CALC_TESTS = """from calc import total


def test_total():
    assert total([1, 2]) == 3


def test_mixed():
    assert total([5, -7]) == -2


def test_empty():
    assert total([]) == 0
"""
FOREIGN = """import locale
import time

from calc import total


def test_locale():
    locale.setlocale(locale.LC_ALL, f"xx_YY.{total([])}")


def test_data():
    total([])
    open("/srv/calc/table.json")


def test_deadline():
    began = time.time()
    total([])
    elapsed = time.time() - began
    assert elapsed < 0
"""
SLICES = """def head(items, count):
    return items[: count + 1]
"""
SLICES_TESTS = """from slices import head


def test_head():
    assert head([1, 2, 3], 2) == [1, 2]


def test_head_of_nothing():
    assert head([], 0) == []
"""
HOST = """from calc import total


def test_host():
    total([1, 2])
    assert "this machine" == "the machine of the author"
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def shop(tmp_path: Path, cache: Path) -> Workshop:
    return Workshop(tmp_path, cache)


def test_what_the_machine_is_at_fault_for_does_not_stand_in_the_way(shop: Workshop) -> None:
    files = {"calc.py": CALC, "test_calc.py": CALC_TESTS, "test_foreign.py": FOREIGN}
    done = shop.repair(files=files, max_candidates=2_000, max_seconds=400.0)
    result = done.result
    assert result.status in (Status.REPAIRED_IN_PART, Status.PLAUSIBLE), result.reason
    assert "2 of 5 failing tests pass with it, and 3 stay red" in result.reason
    assert "+        result += item" in done.diff
    assert result.patch is not None
    assert result.baseline is not None
    repaired = ("test_calc.py::test_total", "test_calc.py::test_mixed")
    assert result.baseline.failing == tuple(result.patch.verdict.fail_to_pass) == repaired
    names = ("test_locale", "test_data", "test_deadline")
    assert result.baseline.still_red == tuple(f"test_foreign.py::{name}" for name in names)
    causes = ("the locale of this machine", "a file that is not here", "a limit on the clock")
    for test_id, cause in zip(result.baseline.still_red, causes, strict=True):
        why = result.baseline.set_aside[test_id]
        assert why.startswith(f"not tried: it seems to fail for {cause}"), why
        assert why.endswith(f"--only {test_id} tries it")
    stored = json.loads(done.folder.result.read_text())
    assert stored["result"]["status"] == result.status
    assert len(stored["result"]["baseline"]["still_red"]) == 3
    terms = Terms(target=done.folder.load_job().target, sandbox="bubblewrap")
    again = verify(done.folder.result, terms, shop.settings, lambda _: None).verdict
    assert again.plausible, again.objections
    assert tuple(again.fail_to_pass) == repaired


def test_two_bugs_become_one_patch(shop: Workshop) -> None:
    files = {
        **{"calc.py": CALC, "test_calc.py": CALC_TESTS},
        **{"slices.py": SLICES, "test_slices.py": SLICES_TESTS},
    }
    done = shop.repair(
        turn(edit("calc.py", "result -= item", "result += item"), SUBMIT),
        turn(edit("slices.py", "count + 1", "count"), SUBMIT),
        files=files,
        max_candidates=150,
        max_seconds=400.0,
    )
    assert done.result.status is Status.REPAIRED, done.result.reason
    assert done.result.patch is not None
    assert set(done.result.patch.verdict.fail_to_pass.values()) == {"passed"}
    assert len(done.result.patch.verdict.fail_to_pass) == 3
    assert done.result.patch.verdict.repeated
    assert "+        result += item" in done.diff
    assert "+    return items[: count]" in done.diff
    assert done.result.baseline is not None
    assert done.result.baseline.still_red == ()
    assert len(done.states(":round-2")) == 1, "a conversation of its own for each group"


def test_a_change_that_a_test_of_another_group_needs_is_not_called_unneeded(
    shop: Workshop,
) -> None:
    files = {
        **{"calc.py": CALC, "test_calc.py": CALC_TESTS},
        **{"slices.py": SLICES, "test_slices.py": SLICES_TESTS},
    }
    both = (
        edit("calc.py", "result -= item", "result += item"),
        edit("slices.py", "count + 1", "count"),
    )
    done = shop.repair(turn(*both, SUBMIT), files=files, max_candidates=1, max_seconds=400.0)
    assert done.result.status is Status.REPAIRED, done.result.reason
    patch = done.result.patch
    assert patch is not None
    assert len(patch.verdict.fail_to_pass) == 3
    assert not [caution for caution in patch.cautions if caution.startswith(UNNEEDED)]


def test_a_model_is_asked_for_the_group(shop: Workshop) -> None:
    fix = edit("calc.py", "result -= item", "result += item")
    files = {"calc.py": CALC, "test_calc.py": CALC_TESTS, "test_foreign.py": FOREIGN}
    done = shop.repair(turn(fix, SUBMIT), files=files, max_candidates=1, max_seconds=400.0)
    assert done.result.status is Status.REPAIRED_IN_PART, done.result.reason
    assert "test_calc.py::test_total: failed" in done.task
    assert "and may stay red. Where you see one cause behind them" in done.task
    assert "repair it for all: test_foreign.py::" in done.task
    assert "+        result += item" in done.diff


def test_a_models_patch_for_some_of_the_tests_is_not_lost(shop: Workshop) -> None:
    fix = edit("calc.py", "result -= item", "result += item")
    files = {"calc.py": CALC, "test_calc.py": CALC_TESTS, "test_host.py": HOST}
    done = shop.repair(turn(fix, SUBMIT), files=files, max_candidates=1, max_seconds=400.0)
    assert done.result.status is Status.REPAIRED_IN_PART, done.result.reason
    assert [one.plausible for one in done.verdicts] == [False, True]
    assert done.result.patch is not None
    assert done.result.patch.candidate.proposer == "model"
    assert "2 of 3 failing tests pass with it, and 1 stays red" in done.result.reason


BROKEN = """def schema(kind):
    result = {}
    if kind is dict:
        results["type"] = "object"
    return result
"""
BROKEN_TESTS = """from schema import schema


def test_object():
    assert schema(dict) == {"type": "object"}


def test_copy():
    assert dict(schema(dict)) == {"type": "object"}


def test_other_release():
    assert schema(str) == {"of": "another release"}


def test_nothing():
    assert schema(int) == {}
"""


def test_tests_that_one_thing_stops_are_repaired_where_another_of_the_group_fails_anyway(
    shop: Workshop,
) -> None:
    files = {"schema.py": BROKEN, "test_schema.py": BROKEN_TESTS}
    done = shop.repair(files=files, max_candidates=3_000, max_seconds=200.0)
    assert done.result.status in (Status.REPAIRED_IN_PART, Status.PLAUSIBLE), done.result.reason
    assert '+        result["type"] = "object"' in done.diff
    assert done.result.patch is not None
    told = "of 3 tests that seem to fail for one cause it makes 2 pass"
    assert told in done.result.patch.cautions
