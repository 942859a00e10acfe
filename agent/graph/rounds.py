"""Rounds of a repair: one for each group of failing tests. Pure functions of the state."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from agent.baseline.evidence import BaselineEvidence, focused, red, without
from agent.baseline.failures.grouping import TestGroup, innermost, outermost, without_tests
from agent.graph.budget import (
    candidates_left,
    repair_seconds_left,
    search_seconds_left,
    spent_seconds,
    verdict_seconds,
)
from agent.graph.outcome import Ending, shown_rejected
from agent.graph.state import RepairState
from agent.records import PlausiblePatch, Status
from agent.runs.checkpoints import MAX_ROUNDS
from agent.serialization import plain, restore
from agent.wording import counted, in_part, only_option

MIN_ROUND_SECONDS = 5.0
"""With less time left no other group is begun."""
ROUND_SHARE = 0.5
"""Of the time that is left, for a group behind which others wait."""
WAITS = "it fails for another reason than the tests that are repaired first"
NO_TURN = "it fails for another reason, and had no turn within the limits of the repair"
NARROWED = "no patch was found that makes it pass as well"
UNCONFIRMED = "a patch passed the verdict for it, and there was no time or chance to confirm it"
NOT_THE_ISSUE = "it fails too, and is not what the issue is about; without --issue it has its turn"


def first_round(
    state: RepairState,
    evidence: BaselineEvidence,
    groups: Sequence[TestGroup],
    asked: Collection[str] = (),
) -> tuple[BaselineEvidence, dict[str, Any]]:
    """The evidence of the first group, and what changes in the state. Where some tests were asked
    for, only groups with such a test are looked at, and of these the smallest: a patch for what
    was asked need not mend the others."""
    about = [g for g in groups if not set(asked).isdisjoint(g.tests) and not g.of]
    selection = innermost(about) if asked else list(groups)
    selected_tests = {test_id for group in selection for test_id in group.tests}
    left_out = [t for group in groups for t in group.tests if t not in selected_tests]
    evidence = without(evidence, dict.fromkeys(left_out, NOT_THE_ISSUE))
    update: dict[str, Any] = {"groups": [plain(group) for group in selection[1:]], "rounds": 1}
    update["causes"] = len(outermost(selection))
    if len(selection) > 1:
        evidence = focused(evidence, selection[0].tests, dict.fromkeys(red(evidence), WAITS))
        update["round_until"] = _until(state, waiting=True)
    if len(groups) > 1:
        update["evidence"] = plain(evidence)
    return evidence, update


def next_round(state: RepairState, seconds_left: float) -> dict[str, Any] | None:
    """What changes in the state for the next group; None where no other has its turn. What seems
    to fail for the machine is looked at only where nothing else was repaired."""
    claims = frozenset(state.get("repaired", {}).get("tests", ()))
    evidence = restore(BaselineEvidence, state["evidence"])
    groups = [restore(TestGroup, item) for item in state.get("groups", [])]
    # A test that passed by chance meanwhile is red no more.
    still_red = red(evidence)
    settled_tests = claims.union(t for group in groups for t in group.tests if t not in still_red)
    groups_left = without_tests(groups, settled_tests)
    eligible_groups = [group for group in groups_left if not group.cause or not claims]
    is_over = seconds_left < MIN_ROUND_SECONDS or candidates_left(state) <= 0
    if not eligible_groups or is_over or state.get("rounds", 1) >= MAX_ROUNDS:
        return None
    group, later_groups = (
        eligible_groups[0],
        [item for item in groups_left if item is not eligible_groups[0]],
    )
    is_part = set(group.tests) <= set(state.get("unrepaired", {}))
    tests = counted(len(group.tests), "test")
    place = state.get("portfolio")
    return {
        "evidence": plain(focused(evidence, group.tests, reasons(state, evidence))),
        "groups": [plain(item) for item in later_groups],
        "rounds": state.get("rounds", 1) + 1,
        "round_until": _until(state, waiting=any(not item.cause for item in later_groups)),
        "tried_before": state.get("tried_before", 0) + state.get("candidates_tried", 0),
        "earlier": [*state.get("earlier", []), *([place] if place else [])],
        "portfolio": {},
        "candidates_tried": 0,
        "rejected": 0,
        "exhausted": False,
        "turned": [],
        "first_plausible_seconds": None,
        "narrowed": list(group.of),
        "summary": f"{tests} alone" if is_part else f"{tests} of another group",
        **afresh(state),
    }


def time_for_near(state: RepairState, near: Sequence[Any]) -> dict[str, Any]:
    """What changes in the state where some candidate made only some of the tests pass: there has
    to be time left to judge it by those, once the search for one that makes all pass is over."""
    if not near or state.get("round_until") is not None:
        return {}
    reserve_seconds = max(MIN_ROUND_SECONDS, verdict_seconds(state))
    return {
        "round_until": spent_seconds(state) + max(0.0, search_seconds_left(state) - reserve_seconds)
    }


def afresh(state: RepairState) -> dict[str, Any]:
    """What a state holds of no candidate. The best rejected one was judged by other tests: it is
    kept for the result, and no word of this round."""
    return {
        "best_rejected": None,
        "rejected_before": shown_rejected(state),
        "partial": None,
        "proposed": [],
        "judged": [],
        "plausible": [],
        "near": [],
        "heard": None,
        "ending": None,
    }


def reasons(state: RepairState, evidence: BaselineEvidence) -> dict[str, str]:
    """Red test → why it stays red, for all that is known now."""
    groups = [restore(TestGroup, item) for item in state.get("groups", [])]
    foreign = {t: _foreign(t, group.cause) for group in groups if group.cause for t in group.tests}
    causes = {**foreign, **state.get("unrepaired", {})}
    return {test_id: causes.get(test_id, NO_TURN) for test_id in red(evidence)}


def conclusion(state: RepairState, end: str = "") -> dict[str, Any]:
    """What changes in the state at the end of the last round: the evidence is about the tests
    that were repaired, and about all that failed where none was. `end` says what kept others
    from their turn."""
    evidence = restore(BaselineEvidence, state["evidence"])
    repair = state.get("repaired")
    if repair is None:
        return _nothing(state, focused(evidence, red(evidence), {}))
    evidence = focused(evidence, repair["tests"], reasons(state, evidence))
    cautions = tuple(repair.get("cautions", ()))
    old_patches = [restore(PlausiblePatch, record) for record in repair["patches"]]
    patches = [replace(patch, cautions=(*patch.cautions, *cautions)) for patch in old_patches]
    first, *alternatives = patches
    reason = first.candidate.description
    reason += f", the best of {len(alternatives) + 1}" if alternatives else ""
    is_whole = not evidence.baseline.still_red
    status = Status.REPAIRED if is_whole else Status.REPAIRED_IN_PART
    reason += "" if is_whole else f"; {in_part(evidence.baseline)}"
    reason += "" if is_whole or not end else f"; {end}"
    return {
        "evidence": plain(evidence),
        "plausible": [plain(patch) for patch in patches],
        "ending": plain(Ending(status, reason)),
        "summary": reason,
    }


def cut_short(state: RepairState, end: str) -> dict[str, Any]:
    """What changes in the state where a later round cannot come to its end: what earlier ones
    repaired is the result, and `end` says why there is no more."""
    reasons_left = dict(state.get("unrepaired", {}))
    if state.get("plausible"):
        failing_tests = restore(BaselineEvidence, state["evidence"]).baseline.failing
        reasons_left |= dict.fromkeys(failing_tests, UNCONFIRMED)
    update = conclusion({**state, "unrepaired": reasons_left}, end)
    return {"proposed": [], "unrepaired": reasons_left, **update}


def concluded(state: dict[str, Any]) -> dict[str, Any]:
    """The state of a run that is over, wherever it was cut: what earlier rounds repaired is not
    lost, and no test that failed is left out."""
    state = {**state, "candidates_tried": _tried(state)} if state.get("tried_before") else state
    if not state.get("rounds") or "evidence" not in state or _is_concluded(state):
        return state
    if state.get("repaired"):
        return {**state, **cut_short(state, _why_over(state))}  # type: ignore[arg-type]
    if state.get("plausible"):
        return state  # on these tests the verdict was taken
    return {**state, "evidence": conclusion(state)["evidence"], **_with_first(state)}  # type: ignore[arg-type]


def _with_first(state: Mapping[str, Any]) -> dict[str, Any]:
    """The ending of a round that was cut, behind that of the first; empty where it is told, or
    there is none of both."""
    first, ending = state.get("first_ending"), state.get("ending")
    if not first or not ending or ending["reason"].startswith(first["reason"]):
        return {}
    reason = f"{first['reason']}; then, for other failing tests: {ending['reason']}"
    return {"ending": {**ending, "reason": reason}}


def _is_concluded(state: Mapping[str, Any]) -> bool:
    """Whether the ending is about all that was repaired, and not about a round of its own."""
    status = (state.get("ending") or {}).get("status")
    if not state.get("repaired") or status not in (Status.REPAIRED, Status.REPAIRED_IN_PART):
        return False
    failing_tests = restore(BaselineEvidence, state["evidence"]).baseline.failing
    return set(failing_tests) == set(state["repaired"]["tests"])


def _why_over(state: Mapping[str, Any]) -> str:
    """Why the last round has no patch; empty where it has one, or was only interrupted."""
    ending = state.get("ending")
    return "" if ending is None or ending["status"] == Status.REPAIRED else str(ending["reason"])


def _tried(state: Mapping[str, Any]) -> int:
    return int(state.get("tried_before", 0)) + int(state.get("candidates_tried", 0))


def _nothing(state: RepairState, evidence: BaselineEvidence) -> dict[str, Any]:
    ending = state.get("first_ending") or state.get("ending")
    if ending is None:
        return {"evidence": plain(evidence)}
    reason = ending["reason"]
    if state.get("rounds", 1) > 1:
        rounds = state["rounds"]
        other_rounds = min(rounds, state.get("causes", rounds)) - 1
        groups = counted(other_rounds, "other group")
        reason += (
            f"; there is no patch for {groups} of failing tests either" if other_rounds else ""
        )
        reason += f"; {_tried(state)} candidates in all" if state.get("tried_before") else ""
    return {
        "evidence": plain(evidence),
        "ending": {**ending, "reason": reason},
        "plausible": [],
        "summary": reason,
    }


def _foreign(test_id: str, cause: str) -> str:
    return (
        f"not tried: it seems to fail for {cause}, and not for the code; {only_option(test_id)} "
        "tries it"
    )


def _until(state: RepairState, *, waiting: bool) -> float | None:
    """When the round that begins now is over for the next one; None where none waits."""
    if not waiting:
        return None
    return spent_seconds(state) + ROUND_SHARE * max(0.0, repair_seconds_left(state))
