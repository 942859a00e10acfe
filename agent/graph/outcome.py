"""From the last state of a run to its result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent.baseline.evidence import BaselineEvidence
from agent.graph.budget import budget
from agent.graph.state import RepairState
from agent.patches.doctest_examples import contradiction_in
from agent.records import (
    Baseline,
    GeneratedTest,
    PlausiblePatch,
    RejectedPatch,
    RepairJob,
    RepairResult,
    Status,
    SuspiciousLine,
)
from agent.runs.folder import RunFolder
from agent.runs.prepared import Prepared
from agent.runs.result_file import Evidence
from agent.runs.trajectory import read_trajectory
from agent.runs.trajectory_text import digest
from agent.selection.confidence import ending_of, is_repair, likely
from agent.selection.patch_ranking import ranked
from agent.serialization import restore
from agent.wording import duration
from sandbox.languages.choose import language_of
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
    patches = _in_order(state)
    ending = _ending(folder, state, status, bool(patches))
    evidence = state.get("evidence")
    best = patches[0] if patches else None
    return RepairResult(
        run_id=folder.run_id,
        status=_status(ending.status, best, state),
        reason=_with_confidence(ending, best, state),
        patch=best,
        alternatives=tuple(patches[1 : 1 + KEPT_ALTERNATIVES]),
        rejected=None if patches else _rejected(state),
        baseline=restore(Baseline, evidence["baseline"]) if evidence else None,
        generated_tests=tuple(restore(GeneratedTest, item) for item in state.get("generated", [])),
        unshown=state.get("unshown", ""),
        suspicious=tuple(restore(SuspiciousLine, line) for line in state.get("suspicious", [])),
        candidates_tried=state.get("candidates_tried", 0),
        seconds=dict(Counter(state.get("seconds", {})) + Counter(cut_seconds or {})),
        result_path=folder.result,
    )


def _in_order(state: Mapping[str, Any]) -> list[PlausiblePatch]:
    """The patches that passed, best first. Where the state ends with a repair the first was
    confirmed, and stays it: ranked anew, without what `select` dropped, another may come first."""
    patches = [restore(PlausiblePatch, item) for item in state.get("plausible", [])]
    ending = state.get("ending")
    return patches if ending and is_repair(Status(ending["status"])) else ranked(patches)


def _status(status: Status, patch: PlausiblePatch | None, state: Mapping[str, Any]) -> Status:
    """How the repair ended: no more than plausible where the verdict lacks layers in a language."""
    status = ending_of(status, patch)
    has_fewer_layers = is_repair(status) and bool(lacking_language(state))
    return Status.PLAUSIBLE if has_fewer_layers else status


def lacking_language(state: Mapping[str, Any]) -> str:
    """The name of the project's language, where the verdict has fewer layers than in Python; empty
    for any other."""
    if "prepared" not in state:
        return ""
    language = language_of(restore(Prepared, state["prepared"]).project)
    return "" if language.abilities.copies else language.name


def _with_confidence(ending: Ending, patch: PlausiblePatch | None, state: Mapping[str, Any]) -> str:
    """The reason, with how sure the patch is where too little says that it is right."""
    if patch is None or _status(ending.status, patch, state) is not Status.PLAUSIBLE:
        return ending.reason
    if language := lacking_language(state):
        return f"{ending.reason}; in {language} the verdict has fewer layers than in Python"
    sure = likely(patch.confidence) if patch.confidence else "not measured"
    return f"{ending.reason}; {sure}"


def _rejected(state: dict[str, Any]) -> RejectedPatch | None:
    best = shown_rejected(state)
    return None if best is None else restore(RejectedPatch, best)


def shown_rejected(state: Mapping[str, Any]) -> dict[str, Any] | None:
    """Which rejected candidate the result shows: that of the first round that has one, as the
    ending is told of it, too; before it one that an example alone speaks against."""
    records = [state.get(name) for name in ("rejected_before", "best_rejected")]
    candidates: list[dict[str, Any]] = [record for record in records if record]
    contradicting = (one for one in candidates if contradiction_in(one["objections"]))
    return next(contradicting, candidates[0] if candidates else None)


def _ending(folder: RunFolder, state: dict[str, Any], status: Status | None, found: bool) -> Ending:
    if status is not None:
        sentence = "the best validated patch so far is kept" if found else "no patch was found yet"
        return Ending(status, f"{sentence}; `repair resume {folder.run_id}` goes on from here")
    return restore(Ending, state["ending"])


def times_told(seconds: Mapping[str, float]) -> str:
    """Which stages the time went to; empty where none took a second."""
    return ", ".join(f"{name} {duration(took)}" for name, took in seconds.items() if took >= 1)


def out_of_time(state: RepairState, stage: str, seconds: float, doing: str) -> Ending:
    """How a repair ends whose time was over in `stage`, after `seconds` in it."""
    stage_seconds = Counter(state.get("seconds", {})) + Counter({stage: seconds})
    where = times_told(stage_seconds)
    interruption = f", and {stage} was not through" + (f" ({doing})" if doing else "")
    is_kept = state.get("plausible") and not state.get("repaired")
    note = "; a patch that passed the verdict is kept, but there was no time to confirm it"
    return Ending(
        Status.BUDGET_EXHAUSTED,
        f"the {budget(state).max_seconds:g} s are over: {where or stage}{interruption}"
        f"{note if is_kept else ''}; {_ADVICE.get(stage, 'raise --max-seconds')}",
    )


def evidence_of(folder: RunFolder, state: dict[str, Any]) -> Evidence | None:
    """What another machine needs to take the verdict again; None before there is a baseline."""
    if "prepared" not in state or "evidence" not in state:
        return None
    job = folder.load_job()
    record = restore(Prepared, state["prepared"])
    snapshot = load_snapshot(folder.snapshot / record.snapshot)
    return Evidence(
        target=job.target,
        base_commit=None if snapshot.dirty else snapshot.base_commit,
        snapshot_digest=snapshot.digest,
        install=job.install,
        test=job.test,
        env=tuple(job.env),
        include_tests=job.include_tests,
        runner=record.project.runner.value,
        sandbox=record.sandbox,
        environment_key=record.environment.key,
        python_version=record.environment.python_version,
        toolchain=record.environment.toolchain,
        packages=record.packages,
        baseline=restore(BaselineEvidence, state["evidence"]),
        facts={**_contributions(job, state), **_failed_operators(state)},
        trajectory=digest(read_trajectory(folder.trajectory)),
    )


def _failed_operators(state: dict[str, Any]) -> dict[str, str]:
    """Which operators of the search failed; nothing where none did."""
    operators = state.get("failed_operators", "")
    return {"failed_operators": operators} if operators else {}


def _contributions(job: RepairJob, state: dict[str, Any]) -> dict[str, str]:
    """What search and model each did; nothing to tell without a model."""
    places = [*state.get("earlier", []), *([state["portfolio"]] if state.get("portfolio") else [])]
    if not places:
        return {}
    place = places[-1]

    def total(name: str) -> int:
        """Over all groups of failing tests."""
        return sum(int(entry[name]) for entry in places)

    by = Counter(entry["candidate"]["proposer"] for entry in state.get("plausible", []))
    return {
        "model": job.model or job.model_url or "",
        "model_turns": str(total("turns")),
        "model_tokens": str(total("tokens")),
        "model_candidates": str(total("candidates")),
        "model_endings": "; ".join(ending for entry in places for ending in entry["endings"]),
        **_ranked(place.get("ranker", {})),
        **({"search_ended": place["search_ended"]} if place.get("search_ended") else {}),
        "search_candidates": str(total("tried") - total("polished")),
        "polish_candidates": str(total("polished")),
        "plausible": ", ".join(f"{number} by {name}" for name, number in sorted(by.items())),
    }


def _ranked(ranker: Mapping[str, Any]) -> dict[str, str]:
    """What the model did as a ranker of the search's edits; nothing where it never did."""
    if not ranker:
        return {}
    moves = [f"{row['description']}: {row['before']} to {row['after']}" for row in ranker["moved"]]
    return {
        "ranker_lines": str(ranker["lines"]),
        "ranker_edits": str(ranker["edits"]),
        "ranker_seconds": f"{ranker['seconds']:.1f}",
        "ranker_ended": ranker["why_not"],
        "ranker_moved": "; ".join(moves),
    }
