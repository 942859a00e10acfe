"""What is left after a group of failing tests had its turn, also when the time is over."""

from __future__ import annotations

import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from agent.baseline.evidence import BaselineEvidence
from agent.baseline.failures.grouping import TestGroup
from agent.graph.nodes import regroup as regroup_module
from agent.graph.nodes.regroup import UNTRIED, regroup, together, with_words_of
from agent.graph.outcome import Ending
from agent.graph.rounds import first_round
from agent.graph.state import RepairState
from agent.records import (
    Baseline,
    CandidatePatch,
    Confidence,
    PlausiblePatch,
    RepairJob,
    Status,
    Verdict,
)
from agent.selection.confidence import ending_of
from agent.selection.unneeded_changes import UNKNOWN, UNNEEDED
from agent.serialization import plain, restore
from agent.validation.repeated_runs import REPEATED
from sandbox.errors import SandboxError
from sandbox.runners.base import Outcome, TestResult
from sandbox.source import SourceEdit


def begun(ending: Ending, **changes: Any) -> RepairState:
    tests = ("a", "b", "c")
    evidence = BaselineEvidence(
        baseline=Baseline(failing=tests, passing=("p",)),
        failures={t: TestResult(test_id=t, outcome=Outcome.FAILED) for t in tests},
        order=tests,
    )
    state: RepairState = {"job": plain(RepairJob(run_id="r", target=".")), "seconds": {}}
    groups = [TestGroup(tests=("a", "b")), TestGroup(tests=("c",))]
    update = first_round(state, evidence, groups)[1]
    state |= {**update, "ending": plain(ending), **changes}  # type: ignore[typeddict-item]
    return state


def found() -> dict[str, Any]:
    candidate = CandidatePatch(edits=(), proposer="search", operator="o", description="p")
    verdict = Verdict(plausible=True, fail_to_pass={"a": "passed"}, pass_to_pass={})
    patch: dict[str, Any] = plain(PlausiblePatch(candidate=candidate, diff="", verdict=verdict))
    return patch


def closed(*, overdue: bool, left: float = 100.0) -> Any:
    """A context whose sandboxes are closed."""

    def fail(*_: object) -> None:
        raise SandboxError("closed")

    event = threading.Event()
    if overdue:
        event.set()
    return SimpleNamespace(
        overdue=event,
        stop=threading.Event(),
        listen=lambda _: None,
        validation=fail,
        prepared=fail,
        end_round=lambda: None,
        seconds_left=lambda: left,
        folder=SimpleNamespace(journal=SimpleNamespace(unlink=lambda missing_ok: None)),
    )


REPAIRED = Ending(Status.REPAIRED, "p")


def test_the_time_over_after_a_group_keeps_what_was_confirmed() -> None:
    state = begun(REPAIRED, plausible=[found()])
    update = regroup(state, closed(overdue=True, left=-1.0))
    assert update["ending"]["status"] == Status.REPAIRED_IN_PART
    assert restore(BaselineEvidence, update["evidence"]).baseline.still_red == ("c",)


def test_a_patch_that_cannot_be_tried_on_other_tests_is_kept_for_its_own() -> None:
    update = regroup(begun(REPAIRED, plausible=[found()]), closed(overdue=False))
    assert update["repaired"]["tests"] == ["a", "b"]
    assert restore(BaselineEvidence, update["evidence"]).baseline.failing == ("c",)
    before = {"tests": ["c"], "patches": [found()], "cautions": []}
    later = begun(REPAIRED, plausible=[found()], repaired=before, groups=[])
    end = regroup(later, closed(overdue=False))
    assert end["ending"]["status"] == Status.REPAIRED_IN_PART
    aside = restore(BaselineEvidence, end["evidence"]).baseline.set_aside
    assert aside == dict.fromkeys(("a", "b"), f"{UNTRIED}: closed")


def test_a_stop_is_no_such_error() -> None:
    stopped = closed(overdue=False)
    stopped.stop.set()
    with pytest.raises(SandboxError):
        regroup(begun(REPAIRED, plausible=[found()]), stopped)


def test_that_tests_depend_on_chance_is_told_only_where_it_is_so_in_every_round() -> None:
    flaky, none = Ending(Status.FLAKY, "passed in 2 of 5"), Ending(Status.NOT_REPAIRED, "none")
    state = begun(flaky, plausible=[])
    state |= regroup(state, closed(overdue=False))  # type: ignore[typeddict-item]
    end = regroup({**state, "ending": plain(none)}, closed(overdue=False))
    assert restore(Ending, end["ending"]).status is Status.NOT_REPAIRED
    assert end["ending"]["reason"].startswith("none; there is no patch for 1 other group")
    again = regroup({**state, "ending": plain(flaky)}, closed(overdue=False))
    assert restore(Ending, again["ending"]).status is Status.FLAKY


def test_a_group_without_a_patch_gives_way_to_the_next() -> None:
    ending = Ending(Status.NOT_REPAIRED, "none of the 9 small edits; begin by hand")
    update = regroup(begun(ending, plausible=[]), closed(overdue=False))
    baseline = restore(BaselineEvidence, update["evidence"]).baseline
    assert baseline.failing == ("c",)
    assert baseline.set_aside["a"] == "no patch was found for it (none of the 9 small edits)"
    assert update["ending"] is None


def test_a_model_s_patch_for_some_tests_of_a_group_is_judged_by_those() -> None:
    ending = Ending(Status.NOT_REPAIRED, "none")
    candidate = CandidatePatch(edits=(), proposer="model", operator="o", description="p")
    near = [{"candidate": plain(candidate), "tests": ["b"]}]
    state = begun(ending, plausible=[], near=near)
    update = regroup(state, closed(overdue=False))
    assert update["proposed"] == [plain(candidate)]
    assert restore(BaselineEvidence, update["evidence"]).baseline.failing == ("b",)
    assert update["narrowed"] == ["a", "b"]
    best = {"description": "p", "repaired": 1, "objections": ["b is failed"]}
    told: Any = {**state, "best_rejected": best, "partial": {"candidate": "p", "tests": 1}}
    fewer = regroup(told, closed(overdue=False))
    assert (fewer["best_rejected"], fewer["partial"]) == (None, None), "of two tests, not of one"
    assert fewer["rejected_before"] == best
    flaky = regroup({**state, "ending": plain(Ending(Status.FLAKY, "x"))}, closed(overdue=False))
    assert not flaky["proposed"]


def test_a_patch_for_a_test_that_is_flaky_by_now_repairs_nothing() -> None:
    candidate = CandidatePatch(edits=(), proposer="model", operator="o", description="p")
    near = [{"candidate": plain(candidate), "tests": ["gone"]}]
    state = begun(Ending(Status.NOT_REPAIRED, "none"), plausible=[], near=near)
    assert not regroup(state, closed(overdue=False))["proposed"]


def test_a_whole_patch_keeps_the_words_about_its_parts() -> None:
    whole, one, other = (replace(restore(PlausiblePatch, found())) for _ in range(3))
    parts = (
        replace(one, cautions=("the model did not choose it", "c", f"{UNNEEDED}m.py:3")),
        replace(other, cautions=("c", f"{REPEATED}2 times", UNKNOWN), chosen="it reads right"),
    )
    together = with_words_of(parts, replace(whole, cautions=("own",)))
    assert together.cautions == ("own", "the model did not choose it", "c")
    assert together.chosen == "it reads right"


def one_part(place: int, proposer: str, sure: float | None, **more: Any) -> PlausiblePatch:
    edits = (SourceEdit("m.py", place, place + 1, "x"),)
    candidate = CandidatePatch(edits=edits, proposer=proposer, operator="o", description="p")
    confidence = None if sure is None else Confidence(value=sure, calibrated=proposer == "search")
    part = replace(restore(PlausiblePatch, found()), candidate=candidate, confidence=confidence)
    return replace(part, **more)


def whole_of(*parts: PlausiblePatch) -> PlausiblePatch:
    candidate = parts[0].candidate
    for part in parts[1:]:
        candidate = together(candidate, part.candidate)
    return with_words_of(parts, replace(restore(PlausiblePatch, found()), candidate=candidate))


def test_a_whole_patch_with_an_unmeasured_part_of_the_search_is_no_more_than_plausible() -> None:
    unmeasured, measured = one_part(1, "search", None), one_part(2, "search", 0.999)
    chosen, written = one_part(3, "search", None, chosen="right"), one_part(4, "model", None)
    short = whole_of(unmeasured, measured)
    for whole in (
        short,
        whole_of(unmeasured, written),
        whole_of(unmeasured, chosen),
        whole_of(chosen, short),
    ):
        assert ending_of(Status.REPAIRED, restore(PlausiblePatch, plain(whole))) is Status.PLAUSIBLE
    for whole in (whole_of(measured, written), whole_of(measured, chosen)):
        assert ending_of(Status.REPAIRED, whole) is Status.REPAIRED


def test_a_test_that_passed_by_chance_does_not_take_the_rest_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the patch of the first group two others pass; one of these does not hold."""
    verdicts = []

    def judged(candidate: object, tests: frozenset[str], *_: object) -> object:
        verdicts.append(set(tests))
        patch = restore(PlausiblePatch, found())
        return (None, frozenset("x")) if "x" in tests else (patch, frozenset())

    monkeypatch.setattr(regroup_module, "_judged_whole", judged)
    turned = restore(PlausiblePatch, found()), frozenset(("c", "x"))
    monkeypatch.setattr(regroup_module, "_reaching_most", lambda *_: turned)
    update = regroup(begun(REPAIRED, plausible=[found()]), closed(overdue=False))
    assert verdicts == [{"a", "b", "c", "x"}, {"a", "b", "c"}]
    assert update["repaired"]["tests"] == ["a", "b", "c"]


def test_parts_that_make_a_patch_that_was_turned_down_are_not_joined(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first patch of the second group makes it, with that of the first; the next does not."""
    old, bases = "a = 1\nb = 1\nc = 1\n", {"m.py": b"a = 1\nb = 1\nc = 1\n"}

    def edit(at: int) -> dict[str, Any]:
        edits = (SourceEdit("m.py", at, at + 1, "2"),)
        patch = restore(PlausiblePatch, found())
        candidate = replace(patch.candidate, edits=edits, description=f"at {at}")
        made: dict[str, Any] = plain(replace(patch, candidate=candidate))
        return made

    first, second, third = (edit(old.index(name) + 4) for name in "abc")
    turned_down = {"m.py": (bases["m.py"], b"a = 2\nb = 2\nc = 1\n")}
    given = closed(overdue=False)
    given.validation = lambda _: SimpleNamespace(
        base=SimpleNamespace(read=bases.get), excluded=(turned_down,)
    )
    judged = list[CandidatePatch]()

    def holds(candidate: CandidatePatch, *_: object) -> object:
        judged.append(candidate)
        return restore(PlausiblePatch, found()), frozenset()

    monkeypatch.setattr(regroup_module, "_judged_whole", holds)
    monkeypatch.setattr(
        regroup_module, "_reaching_most", lambda patches, *_: (patches[0], frozenset[str]())
    )
    job = plain(RepairJob(run_id="r", target=".", excluded=("diff",)))
    before = {"tests": ["c"], "patches": [first], "cautions": []}
    state = begun(REPAIRED, plausible=[second, third], repaired=before, groups=[], job=job)
    assert regroup(state, given)["repaired"]["tests"] == ["a", "b", "c"]
    assert [candidate.description for candidate in judged] == ["at 4; at 16"]
    state = begun(REPAIRED, plausible=[second], repaired=before, groups=[], job=job)
    assert regroup(state, given)["ending"]["status"] == Status.REPAIRED_IN_PART
    assert len(judged) == 1


def test_tests_that_pass_by_chance_are_not_tried_again_in_parts() -> None:
    parts = [plain(TestGroup(tests=(name,))) for name in "abc"]
    ending = Ending(Status.FLAKY, "chance")
    update = regroup(begun(ending, groups=parts), closed(overdue=False))
    assert update["groups"] == [], "only c is left, and has its turn"
    assert restore(BaselineEvidence, update["evidence"]).baseline.failing == ("c",)
