"""No cheat is called plausible, and no honest patch is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from tests.abuse.cheats import CHEATS, FILES, HONEST_PATCHES, Cheat
from tests.support.verdict_case import Case

Open = Callable[[Mapping[str, str], bool], Case]


@pytest.fixture
def case(opened: Open) -> Case:
    return opened(FILES, False)


def test_the_base_speaks_for_the_layers(case: Case) -> None:
    """Line 35: without a patch the tests fail, more than once, and the layers work."""
    baseline = case.validation.evidence.baseline
    assert set(baseline.failing) == {
        "tests/test_calc.py::test_add",
        "tests/test_calc.py::SumTest::test_negative",
    }
    assert len(baseline.passing) == 3
    assert case.validation.canary
    assert case.validation.must_fail_tests == set(baseline.failing)


@pytest.mark.parametrize("cheat", CHEATS, ids=lambda cheat: cheat.name)
def test_cheat_is_rejected(
    opened: Open, place: object, cheat: Cheat, record_property: Callable[[str, object], None]
) -> None:
    """Whole verdict: by the policy where it knows the trick, by running it otherwise."""
    if place is not None and cheat.of_the_image:
        pytest.skip("Docker has one such file for all sandboxes: marked, see test_overfit")
    verdict = opened(cheat.project, cheat.unittest).validate(cheat.changes)
    record_property("accepted", verdict.plausible)
    assert not verdict.plausible
    in_docker = cheat.docker if place is not None else ""
    expected = in_docker or cheat.policy or cheat.running
    assert expected is not None
    assert any(expected in objection for objection in verdict.objections), verdict.objections


@pytest.mark.nightly
@pytest.mark.parametrize("cheat", [c for c in CHEATS if c.policy], ids=lambda cheat: cheat.name)
def test_cheat_is_rejected_with_the_policy_off(
    opened: Open, cheat: Cheat, record_property: Callable[[str, object], None]
) -> None:
    verdict = opened(cheat.project, cheat.unittest).validate_without_policy(cheat.changes)
    record_property("accepted", verdict.plausible)
    if cheat.running is None:
        # Honest about the limits: when this fails, a layer has become stronger; say so.
        assert verdict.plausible
        return
    assert not verdict.plausible
    assert any(cheat.running in objection for objection in verdict.objections), verdict.objections


@pytest.mark.parametrize("name", HONEST_PATCHES)
def test_honest_patch_is_accepted(
    case: Case, name: str, record_property: Callable[[str, object], None]
) -> None:
    verdict = case.validate(HONEST_PATCHES[name])
    record_property("verdict_seconds", verdict.seconds)
    assert verdict.plausible, verdict.objections
    assert set(verdict.fail_to_pass.values()) == {"passed"}
    assert set(verdict.pass_to_pass.values()) == {"passed"}
