"""Honest patches in the places where a cheat would leave the fault or change the measure."""

from __future__ import annotations

import pytest

from sandbox.languages.python.runners.unittest import UnittestRunner
from tests.abuse.cheats.explained import HONEST_EXPLAINED
from tests.support.own_plugins import NO_PLUGINS
from tests.support.verdict_case import open_case, this_environment


@pytest.mark.parametrize("name", HONEST_EXPLAINED)
def test_honest_patch_is_accepted(name: str) -> None:
    honest = HONEST_EXPLAINED[name]
    python = this_environment().python
    runner = UnittestRunner(python=python, env=NO_PLUGINS) if honest.unittest else None
    with open_case(honest.project, runner) as case:
        verdict = case.validate(honest.changes)
    assert verdict.plausible, verdict.objections
    assert bool(verdict.unchecked) == honest.unchecked, verdict.unchecked
