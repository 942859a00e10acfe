"""Whole repairs of a job that brings a patch along, to be judged first, or to be left out."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from agent.patches.changes import diff_text, unified_diff
from agent.records import Status
from agent.validation.validator import TURNED_DOWN
from tests.support.agentic_case import ADD, ADD_RIGHT, LOOP, LOOP_RIGHT, STOCK, Workshop

pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is missing")

SHELF = "stock/shelf.py"
BEFORE = str(STOCK[SHELF])


@pytest.fixture
def shop(tmp_path: Path, shared_cache: Path) -> Workshop:
    return Workshop(tmp_path, shared_cache)


def patch(after: str) -> str:
    return diff_text(unified_diff({SHELF: (BEFORE.encode(), after.encode())}))


@pytest.mark.nightly
def test_a_patch_that_holds_here_is_the_result(shop: Workshop) -> None:
    right = patch(BEFORE.replace(ADD, ADD_RIGHT).replace(LOOP, LOOP_RIGHT))
    done = shop.repair(first_try=right)
    assert done.result.status is Status.REPAIRED
    assert done.diff == right
    assert done.verdicts[0].description == f"the patch made earlier, in {SHELF}"


@pytest.mark.nightly
def test_after_a_patch_that_does_not_hold_whole_the_search_goes_on(shop: Workshop) -> None:
    half = patch(BEFORE.replace(ADD, ADD_RIGHT))
    done = shop.repair(first_try=half, max_candidates=1)
    assert not done.verdicts[0].plausible
    assert done.result.status is Status.REPAIRED_IN_PART
    assert done.diff == half
    assert done.result.candidates_tried > 0


@pytest.mark.slow
def test_a_patch_that_people_turned_down_is_no_result_of_the_search(shop: Workshop) -> None:
    wrong, right = (f"def add(a, b):\n    return a {sign} b\n" for sign in "-+")
    test = "from calc import add\n\n\ndef test_add():\n    assert add(2, 3) == 5\n"
    reviewed = diff_text(unified_diff({"calc.py": (wrong.encode(), right.encode())}))
    done = shop.repair(
        files={"calc.py": wrong, "test_calc.py": test},
        excluded=(reviewed, "no diff at all"),
        max_candidates=40,
    )
    assert TURNED_DOWN in [objection for one in done.verdicts for objection in one.objections]
    assert done.diff != reviewed
