"""Whole repairs with a scripted model: real sandbox, real tests, real verdict."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from agentic_case import (
    FIX_ADD,
    FIX_REPORT,
    SUBMIT,
    TESTS,
    Workshop,
    bash,
    call,
    turn,
)

from agent.job import Status

pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is missing")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Environments are built once for all tests here."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def shop(tmp_path: Path, cache: Path) -> Workshop:
    return Workshop(tmp_path, cache)


def test_look_edit_test_submit(shop: Workshop) -> None:
    done = shop.repair(
        turn(call("str_replace_editor", command="view", path="stock/shelf.py")),
        turn(bash("grep -rn parse_amount stock")),
        turn(TESTS),
        turn(FIX_ADD, FIX_REPORT),
        turn(TESTS),
        turn(SUBMIT),
    )
    assert done.result.status is Status.REPAIRED, done.result.reason
    assert done.result.patch is not None
    assert done.result.patch.candidate.proposer == "model"
    assert "sorted(self._amounts)" in done.diff
    view, grep, before, _, _, after = done.answers()[:6]
    assert "    11\t        self._amounts[name] = parse_amount(amount)" in view
    assert "stock/units.py:6:def parse_amount(text):" in grep
    assert "0 of 2 tests pass" in before
    assert "tests/test_shelf.py:" in before
    assert "2 of 2 tests pass" in after
    assert "Pass now, failed at the last run:" in after
    assert "test_adding_twice_adds_up" in done.task
    assert "stock/shelf.py:" in done.task
