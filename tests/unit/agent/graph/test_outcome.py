"""The word a run ends with, once its best patch has a figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent.graph.outcome import compose
from agent.records import CandidatePatch, Confidence, ExecutedSigns, PlausiblePatch, Status, Verdict
from agent.runs.folder import RunFolder
from agent.selection.confidence import weights
from agent.serialization import plain


def state(value: float | None, **more: Any) -> dict[str, Any]:
    sure = None if value is None else Confidence(value=value, calibrated=True, **more)
    patch = PlausiblePatch(
        candidate=CandidatePatch(
            edits=(), proposer="search", operator="x", description="`a` → `b`"
        ),
        diff="",
        verdict=Verdict(plausible=True, fail_to_pass={}, pass_to_pass={}),
        confidence=sure,
    )
    ending = {"status": "repaired", "reason": "`a` → `b`"}
    return {"plausible": [plain(patch)], "ending": ending}


@pytest.mark.parametrize(
    ("value", "status", "reason"),
    [
        (1.0, Status.REPAIRED, "`a` → `b`"),
        (0.0, Status.PLAUSIBLE, "`a` → `b`; 0 % sure"),
        (None, Status.PLAUSIBLE, "`a` → `b`; not measured"),
    ],
)
def test_what_is_not_sure_is_plausible(
    value: float | None, status: Status, reason: str, tmp_path: Path
) -> None:
    result = compose(RunFolder(tmp_path / "r"), state(value), None)
    assert (result.status, result.reason) == (status, reason)


def test_a_run_that_was_cut_short_keeps_its_own_word(tmp_path: Path) -> None:
    cut = compose(RunFolder(tmp_path / "r"), state(0.0, signs=ExecutedSigns()), Status.CANCELLED)
    assert cut.status is Status.CANCELLED


def unlike() -> list[dict[str, Any]]:
    """A patch of the search and one of the model, of which `ranked` has the second first."""
    patches = []
    for proposer in ("search", "model"):
        candidate = CandidatePatch(edits=(), proposer=proposer, operator="x", description=proposer)
        verdict = Verdict(plausible=True, fail_to_pass={}, pass_to_pass={}, cautions=("loud",))
        found = PlausiblePatch(candidate=candidate, diff="", verdict=verdict, score=0.8)
        patches.append(plain(found))
    return patches


@pytest.mark.parametrize("status", [None, Status.CANCELLED])
def test_the_patch_that_was_confirmed_is_the_result(status: Status | None, tmp_path: Path) -> None:
    ended = {"plausible": unlike(), "ending": {"status": "repaired", "reason": "search"}}
    result = compose(RunFolder(tmp_path / "r"), ended, status)
    assert result.patch is not None
    assert result.patch.candidate.description == "search"
    assert [one.candidate.description for one in result.alternatives] == ["model"]


def test_patches_that_nobody_confirmed_are_ranked(tmp_path: Path) -> None:
    for ending, status in (
        (None, Status.CANCELLED),
        ({"status": "budget_exhausted", "reason": "over"}, None),
    ):
        state = {"plausible": unlike(), "ending": ending}
        result = compose(RunFolder(tmp_path / "r"), state, status)
        assert result.patch is not None
        assert result.patch.candidate.description == "model"


def test_the_stored_weights_point_where_their_signs_mean_something() -> None:
    fitted = weights()
    assert 0.5 < fitted.threshold <= 1.0
    against = ("raises", "unchanged", "disagreeing", "unnoticed", "cautions")
    assert all(fitted.signs[name] <= 0 for name in against)
    assert all(fitted.signs[name] >= 0 for name in ("calls", "guards", "noticed"))
