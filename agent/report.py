"""From the last state of a run to its result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agent.job import (
    Baseline,
    PlausiblePatch,
    RepairResult,
    Status,
    SuspiciousLine,
)
from agent.records import restore
from agent.runs import RunFolder

KEPT_SUSPICIOUS = 50
KEPT_ALTERNATIVES = 10


@dataclass(frozen=True)
class Ending:
    """How a node ended the repair."""

    status: Status
    reason: str


def compose(folder: RunFolder, state: dict[str, Any], status: Status | None) -> RepairResult:
    """The result of a run in this state; `status` overrides it for a run that was cut short."""
    patches = ranked([restore(PlausiblePatch, one) for one in state.get("plausible", [])])
    ending = _ending(folder, state, status, bool(patches))
    evidence = state.get("evidence")
    return RepairResult(
        run_id=folder.run_id,
        status=ending.status,
        reason=ending.reason,
        patch=patches[0] if patches else None,
        alternatives=tuple(patches[1 : 1 + KEPT_ALTERNATIVES]),
        baseline=restore(Baseline, evidence["baseline"]) if evidence else None,
        suspicious=tuple(
            restore(SuspiciousLine, line) for line in state.get("suspicious", [])[:KEPT_SUSPICIOUS]
        ),
        candidates_tried=state.get("candidates_tried", 0),
        seconds=state.get("seconds", {}),
        result_path=folder.result,
    )


def ranked(patches: list[PlausiblePatch]) -> list[PlausiblePatch]:
    """Best first; among equals the one found first."""
    return sorted(patches, key=lambda patch: -patch.score)


def _ending(folder: RunFolder, state: dict[str, Any], status: Status | None, found: bool) -> Ending:
    if status is not None:
        kept = "the best validated patch so far is kept" if found else "no patch was found yet"
        return Ending(
            status, f"interrupted; {kept}; `repair resume {folder.run_id}` goes on from here"
        )
    return restore(Ending, state["ending"])
