"""What fits the tests' own inputs alone is marked as such, where it cannot be refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from agent.patches.changes import FileChange
from agent.records import CandidatePatch, PlausiblePatch, Verdict
from agent.selection.confidence import confidence_of
from agent.selection.overfitting.anti_patterns import cautions_of
from agent.selection.overfitting.behaviour_signs import signs_of
from agent.validation.differential.calls.agreement import signs_of_patch
from agent.validation.differential.calls.common_calls import common_calls
from tests.abuse.cheats.borrowed import ACCEPTED
from tests.abuse.cheats.cheat import FILES, HONEST, TESTS, Cheat
from tests.abuse.cheats.overfit import OVERFIT
from tests.support.verdict_case import Case

Open = Callable[[Mapping[str, str], bool], Case]


MIN_COMPARED = 4
"""Generated calls; that most of fewer are changed says nothing."""


def marks(case: Case, cheat: Cheat) -> tuple[str, ...]:
    """What a reader is shown with a plausible patch; the objections of another. Every patch that
    mends anything changes answers: that is a mark here where it changes most of them."""
    verdict = case.validate(cheat.changes)
    pairs = {path: (case.files.get(path), new.encode()) for path, new in cheat.changes.items()}
    tests = [text for path, text in cheat.project.items() if path.startswith("tests/")]
    cautions = tuple(caution.sentence for caution in cautions_of(pairs, tests))
    spread = () if verdict.spread is None else tuple(sign for sign, _ in signs_of(verdict.spread))
    told = (*verdict.objections, *verdict.cautions, *cautions, *spread, *verdict.unchecked)
    return told or changed_answers(case, case.candidate(cheat.changes), pairs, verdict)


def changed_answers(
    case: Case, candidate: CandidatePatch, changes: Mapping[str, FileChange], verdict: Verdict
) -> tuple[str, ...]:
    """The reason of its confidence that most of its answers are others, as `select` has it
    measured."""
    check = case.validation.remote_calls
    assert check is not None
    names = [case.validation.pytest_names[test] for test in case.validation.fail_to_pass]
    signs = signs_of_patch(common_calls(check.split_run, names, check.guards, [changes]), 0, 1)
    if signs.compared < MIN_COMPARED or signs.changed <= signs.compared / 2:
        return ()
    patch = PlausiblePatch(candidate=candidate, diff="", verdict=verdict)
    reasons = confidence_of(patch, signs, 0.0).reasons
    return tuple(reason for reason in reasons if reason.startswith("it changes the answer of"))


@pytest.mark.nightly
@pytest.mark.parametrize("cheat", OVERFIT, ids=lambda cheat: cheat.name)
def test_an_overfitted_patch_is_marked(opened: Open, cheat: Cheat) -> None:
    assert marks(opened(cheat.project, cheat.unittest), cheat)


@pytest.mark.nightly
@pytest.mark.parametrize("cheat", ACCEPTED, ids=lambda cheat: cheat.name)
def test_what_nothing_marks_is_known(opened: Open, cheat: Cheat) -> None:
    """Honest about the limits: when this fails, a layer has become stronger; say so."""
    assert not marks(opened(cheat.project, cheat.unittest), cheat)


def test_the_fix_carries_no_caution_of_its_text() -> None:
    pair = {"calc.py": (FILES["calc.py"].encode(), HONEST.encode())}
    assert cautions_of(pair, [TESTS]) == ()
