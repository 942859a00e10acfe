"""The self-test of `repair doctor --deep`, on the sandboxes of this machine."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.base import CommandResult
from sandbox.engines.choose import AnySandbox
from sandbox.engines.limit_trials import TRIALS, try_limits
from sandbox.engines.process import ProcessSandbox


@pytest.mark.parametrize("name", ["bubblewrap", "docker"])
def test_every_limit_holds(name: str, need_sandbox: Callable[[str], AnySandbox]) -> None:
    report = try_limits(need_sandbox(name))
    assert [row for row in report.rows if not row.ok] == []
    assert len(report.rows) > len(TRIALS)


def test_nothing_is_tried_without_isolation(need_sandbox: Callable[[str], AnySandbox]) -> None:
    sandbox = need_sandbox("process")
    assert isinstance(sandbox, ProcessSandbox)
    assert not try_limits(sandbox).ok


def test_a_limit_that_does_not_hold_is_told() -> None:
    """What each program ends with where nothing stops it."""
    free = {"signals to everything"}
    unhindered = CommandResult(exit_code=0, stdout="all of it worked", stderr="", seconds=20.0)
    assert {trial.name for trial in TRIALS if trial.held(unhindered)} == free
