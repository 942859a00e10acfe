"""A patch is confirmed before anything is measured of it; what is measured then cannot cost it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from agent.baseline.evidence import BaselineEvidence
from agent.graph.nodes import select as subject
from agent.graph.nodes.select import select
from agent.records import (
    Baseline,
    CandidatePatch,
    Confidence,
    PlausiblePatch,
    Status,
    Verdict,
)
from agent.serialization import plain, restore
from agent.validation.repeated_runs import Repetition
from agent.validation.validation_context import ValidationContext
from sandbox.errors import SandboxDied
from tests.unit.agent.graph.test_patch_confidence import context

EVIDENCE = BaselineEvidence(
    baseline=Baseline(failing=("t",), passing=()), failures={}, order=("t",)
)


def patch(name: str, score: float, sure: float | None = None) -> PlausiblePatch:
    candidate = CandidatePatch(edits=(), proposer="search", operator="o", description=name)
    verdict = Verdict(plausible=True, fail_to_pass={"t": "passed"}, pass_to_pass={})
    confidence = None if sure is None else Confidence(value=sure, calibrated=True)
    return PlausiblePatch(
        candidate=candidate, diff=name, verdict=verdict, score=score, confidence=confidence
    )


class Doubles:
    """What `select` calls, and in which order it did."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.unsteady: set[str] = set()
        self.sure = {"first": 0.3, "second": 0.6}
        self.closed_after: int | None = None

    def trimmed(self, one: PlausiblePatch, *_: object) -> PlausiblePatch:
        name = one.candidate.description
        self.done.append(f"confirm {name}")
        if self.closed_after is not None and len(self.done) > self.closed_after:
            raise SandboxDied("the sandbox is closed")
        return one

    def repeated(self, _validation: object, changes: str, _seconds: float) -> Repetition:
        return Repetition(runs=3, passes={"t": 1 if changes in self.unsteady else 3})

    def measured(self, patches: Sequence[PlausiblePatch], *_: object) -> list[PlausiblePatch]:
        self.done.append("measure")
        return [
            replace(one, confidence=patch("", 0, self.sure[one.candidate.description]).confidence)
            for one in patches
        ]


@pytest.fixture(autouse=True)
def doubles(monkeypatch: pytest.MonkeyPatch) -> Iterator[Doubles]:
    made = Doubles()
    monkeypatch.setattr(subject, "at_rest", lambda *_: {})
    monkeypatch.setattr(subject, "with_votes", lambda patches, _: patches)
    monkeypatch.setattr(subject, "repeat_unchanged", lambda *_: Repetition(runs=3, passes={"t": 0}))
    monkeypatch.setattr(subject, "_trimmed", made.trimmed)
    monkeypatch.setattr(subject, "repeat_patched", made.repeated)
    monkeypatch.setattr(subject, "with_confidence", made.measured)
    monkeypatch.setattr(subject, "with_strength", lambda one, *_: one)
    return made


def selected(left: float = 100.0) -> tuple[Any, list[PlausiblePatch]]:
    given = context(left)
    given.prepared(None).changed_files = lambda candidate: candidate.description
    rest = {"open_session": None, "open_answering": None, "python": "", "runner": None}
    more: Any = {**rest, "base": None, "rules": None}
    given.validation = lambda _: ValidationContext(evidence=EVIDENCE, **more)
    state: Any = {"plausible": [plain(patch("first", 0.9)), plain(patch("second", 0.89))]}
    update = select(state, given)
    return update["ending"], [restore(PlausiblePatch, one) for one in update["plausible"]]


def names(patches: Sequence[PlausiblePatch]) -> list[str]:
    return [one.candidate.description for one in patches]


def test_the_first_is_confirmed_before_anything_is_measured(doubles: Doubles) -> None:
    ending, patches = selected()
    assert doubles.done == ["confirm first", "measure", "confirm second"]
    assert ending["status"] == Status.REPAIRED
    assert names(patches) == ["second", "first"]
    assert patches[0].verdict.repeated == 3


def test_sandboxes_that_close_meanwhile_leave_the_confirmed_one(doubles: Doubles) -> None:
    doubles.closed_after = 2
    ending, patches = selected()
    assert ending["status"] == Status.REPAIRED
    assert names(patches) == ["first", "second"]
    assert patches[0].verdict.repeated == 3


def test_without_time_no_other_is_tried(doubles: Doubles) -> None:
    assert names(selected(left=5.0)[1]) == ["first", "second"]
    assert doubles.done == ["confirm first", "measure"]


def test_one_that_is_better_measured_and_not_steady_is_dropped(doubles: Doubles) -> None:
    doubles.unsteady = {"second"}
    assert names(selected()[1]) == ["first"]
    doubles.unsteady = {"first", "second"}
    ending, patches = selected()
    assert ending["status"] == Status.NOT_REPAIRED
    assert "passes only now and then (1 of 3 more runs)" in ending["reason"]
    assert not patches


def test_a_patch_that_became_smaller_is_measured_again(
    doubles: Doubles, monkeypatch: pytest.MonkeyPatch
) -> None:
    doubles.sure["smaller"] = 0.4

    def trimmed(one: PlausiblePatch, *given: object) -> PlausiblePatch:
        found = doubles.trimmed(one, *given)
        is_second = one.candidate.description == "second"
        return patch("smaller", one.score) if is_second else found

    monkeypatch.setattr(subject, "_trimmed", trimmed)
    best = selected()[1][0]
    assert names([best]) == ["smaller"]
    assert best.confidence is not None
    assert best.confidence.value == 0.4


def test_a_patch_whose_smaller_form_is_unsteady_is_announced_whole(
    doubles: Doubles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "_trimmed", lambda one, *_: patch("smaller", one.score))
    doubles.sure = {"first": 0.6, "second": 0.3}
    doubles.unsteady = {"smaller"}
    ending, patches = selected()
    assert ending["status"] == Status.REPAIRED
    assert names(patches) == ["first", "second"]
    assert patches[0].verdict.repeated == 3
    doubles.unsteady = {"smaller", "first", "second"}
    ending, patches = selected()
    assert ending["status"] == Status.NOT_REPAIRED
    assert ending["reason"].startswith("with second, t passes only now and then")


def test_what_was_measured_of_a_patch_is_not_said_of_a_smaller_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole, smaller = patch("whole", 0.9, 0.9), patch("smaller", 0.8)

    def minimised(
        _candidate: object, _read: object, accepts: Any, _seconds: float
    ) -> CandidatePatch:
        accepts(smaller.candidate)
        return smaller.candidate

    monkeypatch.setattr(subject, "minimize", minimised)
    monkeypatch.setattr(subject, "validate_candidate", lambda *_: smaller.verdict)
    monkeypatch.setattr(subject, "appraise", lambda *_: smaller)
    given = context()
    prepared = given.prepared(None)
    prepared.snapshot, prepared.record = context(), context()
    prepared.snapshot.read, prepared.record.not_built = None, ()
    found = subject._minimised(whole, None, {}, given)  # type: ignore[arg-type]
    assert (found.diff, found.confidence) == ("smaller", None)


@pytest.mark.parametrize(
    ("left", "test_seconds", "limit"),
    [(4.0, 0.5, 1.0), (4.0, 3.0, 0.0), (-5.0, 0.5, 0.0), (1000.0, 3.0, 10.0), (1000.0, 30.0, 0.0)],
)
def test_words_on_unneeded_changes_leave_the_confirmation_its_time(
    left: float, test_seconds: float, limit: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: list[float] = []

    def noted(*given: Any) -> Iterator[str]:
        limits.append(given[-1])
        return iter(("note",))

    monkeypatch.setattr(subject, "unneeded_changes", noted)
    given, seconds = context(left), replace(EVIDENCE, seconds={"t": test_seconds})
    given.prepared(None).snapshot = SimpleNamespace(read=None)
    rest = {"open_session": None, "open_answering": None, "python": "", "runner": None}
    more: Any = {**rest, "base": None, "rules": None}
    validation = ValidationContext(evidence=seconds, **more)
    found = subject.with_unneeded(patch("p", 0.5), validation, {}, given)  # type: ignore[typeddict-item]
    assert (limits, found.cautions) == ([limit], ("note",))
