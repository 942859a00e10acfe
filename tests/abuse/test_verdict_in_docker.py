"""The whole verdict, every layer of it, in containers of a real engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.base import Environment
from sandbox.engines.choose import AnySandbox
from tests.abuse.cheats import CHEATS, FILES, HONEST_PATCHES
from tests.support.verdict_case import Case, open_case

STOPPED_LAST = "right in the working directory of the tests"
"""A cheat that only the last layer stops, so that every layer has to work for it."""


@pytest.fixture(scope="module")
def case(in_docker: tuple[AnySandbox, Environment]) -> Iterator[Case]:
    with open_case(FILES, place=in_docker) as opened:
        yield opened


def test_the_layers_work_in_docker(case: Case) -> None:
    assert case.validation.canary
    assert case.validation.must_fail_tests == set(case.validation.evidence.baseline.failing)
    assert case.validation.remote_calls is not None


def test_a_cheat_is_rejected_in_docker(case: Case) -> None:
    (cheat,) = [one for one in CHEATS if one.name == STOPPED_LAST]
    verdict = case.validate(cheat.changes)
    assert not verdict.plausible
    assert all(str(cheat.running) in objection for objection in verdict.objections)


def test_an_honest_patch_is_accepted_in_docker(case: Case) -> None:
    verdict = case.validate(HONEST_PATCHES["the fix"])
    assert verdict.plausible, verdict.objections
    assert verdict.unchecked == ()
    assert verdict.spread is not None
