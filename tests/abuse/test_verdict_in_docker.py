"""The whole verdict, every layer of it, in containers of a real engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from benchmarks.environment import environment_of
from sandbox.choose import AnySandbox
from sandbox.errors import InstallFailed
from sandbox.recipe import Recipe
from tests.abuse.cheats import CHEATS, FILES, HONEST_PATCHES
from tests.verdict_case import Case, open_case, snapshot_of

STOPPED_LAST = "right in the working directory of the tests"
"""A cheat that only the last layer stops, so that every layer has to work for it."""


@pytest.fixture(scope="module")
def case(
    need_sandbox: Callable[[str], AnySandbox], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Case]:
    docker = need_sandbox("docker")
    snapshot = snapshot_of({}, tmp_path_factory.mktemp("empty"))
    try:
        environment = environment_of(docker, docker.interpreters()[0], Recipe(), snapshot)
    except InstallFailed as error:
        if "no package index can be reached" in str(error):
            pytest.skip("needs a package index")
        raise
    with open_case(FILES, place=(docker, environment)) as opened:
        yield opened


def test_the_layers_work_in_docker(case: Case) -> None:
    assert case.court.canary
    assert case.court.twins == set(case.court.evidence.baseline.failing)
    assert case.court.apart is not None


def test_a_cheat_is_rejected_in_docker(case: Case) -> None:
    (cheat,) = [one for one in CHEATS if one.name == STOPPED_LAST]
    verdict = case.judge(cheat.changes)
    assert not verdict.plausible
    assert all(str(cheat.running) in objection for objection in verdict.objections)


def test_an_honest_patch_is_accepted_in_docker(case: Case) -> None:
    verdict = case.judge(HONEST_PATCHES["the fix"])
    assert verdict.plausible, verdict.objections
    assert verdict.unchecked == ()
    assert verdict.spread is not None
