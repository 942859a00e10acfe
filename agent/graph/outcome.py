"""From the last state of a run to its result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent.baseline.evidence import BaselineEvidence
from agent.graph.budget import budget
from agent.graph.state import RepairState
from agent.records import (
    Baseline,
    GeneratedTest,
    PlausiblePatch,
    RepairJob,
    RepairResult,
    Status,
    SuspiciousLine,
)
from agent.runs.folder import RunFolder
from agent.runs.prepared import Prepared
from agent.runs.result_file import Evidence
from agent.serialization import restore
from agent.wording import duration
from sandbox.snapshots.snapshot import load_snapshot

KEPT_ALTERNATIVES = 10
_ADVICE = {
    "baseline": "raise --max-seconds, or name the failing test with --only",
    "prepare": "raise --max-seconds: the installation counts, and is kept once it was through",
}


@dataclass(frozen=True)
class Ending:
    """How a node ended the repair."""

    status: Status
    reason: str


def compose(
    folder: RunFolder,
    state: dict[str, Any],
    status: Status | None,
    cut_seconds: Mapping[str, float] | None = None,
) -> RepairResult:
    """The result of a run in this state; `status` overrides it for a run that was cut short, and
    `cut_seconds` is what the stage took (name → seconds) that did not come to its end."""
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
        generated_tests=tuple(restore(GeneratedTest, one) for one in state.get("generated", [])),
        suspicious=tuple(restore(SuspiciousLine, line) for line in state.get("suspicious", [])),
        candidates_tried=state.get("candidates_tried", 0),
        seconds=dict(Counter(state.get("seconds", {})) + Counter(cut_seconds or {})),
        result_path=folder.result,
    )


def ranked(patches: list[PlausiblePatch]) -> list[PlausiblePatch]:
    """Best first; among equals the one found first."""
    return sorted(patches, key=lambda patch: -patch.score)


def _ending(folder: RunFolder, state: dict[str, Any], status: Status | None, found: bool) -> Ending:
    if status is not None:
        kept = "the best validated patch so far is kept" if found else "no patch was found yet"
        return Ending(status, f"{kept}; `repair resume {folder.run_id}` goes on from here")
    return restore(Ending, state["ending"])


def times_told(seconds: Mapping[str, float]) -> str:
    """Which stages the time went to; empty where none took a second."""
    return ", ".join(f"{name} {duration(took)}" for name, took in seconds.items() if took >= 1)


def out_of_time(state: RepairState, stage: str, seconds: float, doing: str) -> Ending:
    """How a repair ends whose time was over in `stage`, after `seconds` in it."""
    spent = Counter(state.get("seconds", {})) + Counter({stage: seconds})
    where = times_told(spent)
    stood = f", and {stage} was not through" + (f" ({doing})" if doing else "")
    found = "; a patch that passed the verdict is kept, but there was no time to confirm it"
    return Ending(
        Status.BUDGET_EXHAUSTED,
        f"the {budget(state).max_seconds:g} s are over: {where or stage}{stood}"
        f"{found if state.get('plausible') else ''}; {_ADVICE.get(stage, 'raise --max-seconds')}",
    )


def evidence_of(folder: RunFolder, state: dict[str, Any]) -> Evidence | None:
    """What another machine needs to take the verdict again; None before there is a baseline."""
    if "prepared" not in state or "evidence" not in state:
        return None
    job = folder.load_job()
    prepared = restore(Prepared, state["prepared"])
    snapshot = load_snapshot(folder.snapshot / prepared.snapshot)
    return Evidence(
        target=job.target,
        base_commit=None if snapshot.dirty else snapshot.base_commit,
        snapshot_digest=snapshot.digest,
        install=job.install,
        test=job.test,
        env=tuple(job.env),
        include_tests=job.include_tests,
        runner=prepared.project.runner.value,
        sandbox=prepared.sandbox,
        environment_key=prepared.environment.key,
        python_version=prepared.environment.python_version,
        baseline=restore(BaselineEvidence, state["evidence"]),
        facts={**_contributions(job, state), **_failed_operators(state)},
    )


def _failed_operators(state: dict[str, Any]) -> dict[str, str]:
    """Which operators of the search failed; nothing where none did."""
    said = state.get("failed_operators", "")
    return {"failed_operators": said} if said else {}


def _contributions(job: RepairJob, state: dict[str, Any]) -> dict[str, str]:
    """What search and model each did; nothing to tell without a model."""
    place = state.get("portfolio")
    if place is None:
        return {}
    by = Counter(one["candidate"]["proposer"] for one in state.get("plausible", []))
    return {
        "model": job.model or job.model_url or "",
        "model_turns": str(place["turns"]),
        "model_tokens": str(place["tokens"]),
        "model_candidates": str(place["candidates"]),
        "model_endings": "; ".join(place["endings"]),
        **_ranked(place.get("ranker", {})),
        "search_candidates": str(place["tried"] - place["polished"]),
        "polish_candidates": str(place["polished"]),
        "plausible": ", ".join(f"{number} by {name}" for name, number in sorted(by.items())),
    }


def _ranked(ranker: Mapping[str, Any]) -> dict[str, str]:
    """What the model did as a ranker of the search's edits; nothing where it never did."""
    if not ranker:
        return {}
    moved = [f"{one['description']}: {one['before']} to {one['after']}" for one in ranker["moved"]]
    return {
        "ranker_lines": str(ranker["lines"]),
        "ranker_edits": str(ranker["edits"]),
        "ranker_seconds": f"{ranker['seconds']:.1f}",
        "ranker_ended": ranker["why_not"],
        "ranker_moved": "; ".join(moved),
    }
