"""How sure a patch that passed is right: signs that were executed, added up by fitted weights.

The weights come from `benchmarks/confidence.py`, which fits them to patches of the search that
were judged (`confidence_weights.json`). A patch of a model is another kind of patch: its figure is
the same sum, and is marked as not calibrated.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from agent.records import Confidence, ExecutedSigns, PlausiblePatch, Status
from agent.selection.overfitting.behaviour_signs import is_narrow
from agent.selection.patch_ranking import is_models_choice
from agent.wording import counted

WEIGHTS_FILE = Path(__file__).with_name("confidence_weights.json")
ENOUGH_CALLS = 20
"""Generated calls from which more say nothing more."""
ENOUGH_GUARDS = 8
MANY_REPAIRED = 3
"""Failing tests from which more say nothing more."""
RAISING_SHARE = 0.1
"""Of the calls that are compared: where more no longer return, that speaks against a patch."""
MANY_RIVALS = 7
"""As many others as pass before the search ends."""


@dataclass(frozen=True)
class Weights:
    """Of a logistic regression: positive signs raise the confidence."""

    intercept: float
    signs: Mapping[str, float]
    threshold: float
    """Confidence from which a patch is announced as a repair."""


@cache
def weights() -> Weights:
    fields = json.loads(WEIGHTS_FILE.read_text(encoding="utf-8"))
    return Weights(fields["intercept"], fields["signs"], fields["threshold"])


def features(signs: ExecutedSigns, penalty: float) -> dict[str, float]:
    """Sign → 0..1. `penalty` is what the cautions take off a score of 1."""
    call_count, swaps = signs.compared, signs.swaps
    call_share = min(call_count, ENOUGH_CALLS) / ENOUGH_CALLS
    is_same = call_count >= ENOUGH_CALLS / 2 and is_narrow(signs)
    return {
        "repaired": min(1.0, max(0, signs.repaired - 1) / (MANY_REPAIRED - 1)),
        "calls": call_share,
        "raises": signs.raises / call_count if call_count else 0.0,
        "unchanged": float(is_same),
        "rivals": min(1.0, math.log1p(signs.rivals) / math.log1p(MANY_RIVALS)),
        "disagreeing": signs.disagreeing / (signs.rivals + 1),
        "guards": min(1.0, math.log1p(signs.guards) / math.log1p(ENOUGH_GUARDS)),
        "noticed": signs.noticed / max(swaps, signs.chosen_swaps) if swaps else 0.0,
        "unnoticed": 1.0 - signs.noticed / swaps if swaps else 0.0,
        "cautions": penalty,
    }


def probability(values: Mapping[str, float], regression: Weights) -> float:
    total = regression.intercept + sum(
        weight * values.get(name, 0.0) for name, weight in regression.signs.items()
    )
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, total))))


def _rounded(value: float) -> float:
    """Down: a figure below the threshold must not read as one on it."""
    return math.floor(value * 1000 + 1e-9) / 1000


def confidence_of(patch: PlausiblePatch, signs: ExecutedSigns, penalty: float) -> Confidence:
    """`penalty`: what the patch's signs of overfitting take off a score of 1."""
    regression = weights()
    values = features(signs, penalty)
    shares = {name: weight * values[name] for name, weight in regression.signs.items()}
    sentences = _sentences(signs, penalty)
    # What has no weight says nothing of a patch, whatever one would think.
    names = [name for name in sentences if regression.signs.get(name, 1.0)]
    names.sort(key=lambda name: -abs(shares.get(name, 0.0)))
    return Confidence(
        value=_rounded(probability(values, regression)),
        calibrated=_is_of_search(patch),
        reasons=tuple(sentences[name] for name in names),
        signs=signs,
    )


def _is_of_search(patch: PlausiblePatch) -> bool:
    """Whether no model wrote or chose it."""
    return patch.candidate.proposer == "search" and not is_models_choice(patch)


def confidence_of_whole(
    whole: PlausiblePatch, parts: Sequence[PlausiblePatch]
) -> Confidence | None:
    """Of a patch that is one of these, or all of them put together. Which it is its edits say."""
    same = _same_edits(whole, parts)
    if same is not None:
        return _for_more_tests(whole, same.confidence)
    return joint_confidence([part.confidence for part in parts])


def is_unmeasured(whole: PlausiblePatch, parts: Sequence[PlausiblePatch]) -> bool:
    """Whether one of the search that was not measured is a part of the whole patch."""
    same = _same_edits(whole, parts)
    own_parts = parts if same is None else (same,)
    return any(
        part.unmeasured or (part.confidence is None and _is_of_search(part)) for part in own_parts
    )


def _same_edits(whole: PlausiblePatch, parts: Sequence[PlausiblePatch]) -> PlausiblePatch | None:
    """The part that is the whole patch already."""
    edits = frozenset(whole.candidate.edits)
    return next((part for part in parts if frozenset(part.candidate.edits) == edits), None)


def _for_more_tests(whole: PlausiblePatch, sure: Confidence | None) -> Confidence | None:
    """Of a patch that makes other tests pass as well, or has a new verdict."""
    if sure is None or sure.parts:
        return sure  # each of those was measured by the tests that are its own
    signs = replace(sure.signs, repaired=len(whole.verdict.fail_to_pass))
    return confidence_of(whole, signs, whole.penalty)


def joint_confidence(confidences: Sequence[Confidence | None]) -> Confidence | None:
    """Of a patch that is put together: each part has to be right. That nobody has counted. None
    where no part was measured."""
    parts = [part for sure in confidences if sure is not None for part in (sure.parts or (sure,))]
    if not parts:
        return None
    parts.sort(key=lambda part: part.value)
    unmeasured_count = sum(sure is None for sure in confidences)
    total = len(parts) + unmeasured_count
    note = f", {unmeasured_count} of them not measured" if unmeasured_count else ""
    objections = (reason for part in parts[1:] for reason in part.reasons if reason[:1] == "-")
    reasons = (*parts[0].reasons, *objections)
    questions = (part.signs.question for part in parts if part.signs.question)
    return Confidence(
        value=_rounded(math.prod(part.value for part in parts)),
        calibrated=False,
        reasons=(
            f"- {total} patches in one, each of which has to be right{note}",
            *dict.fromkeys(reasons),
        ),
        signs=replace(parts[0].signs, question=next(questions, "")),
        parts=tuple(parts),
    )


def likely(confidence: Confidence) -> str:
    """`72 % sure`, and whether anybody has counted how often that is right."""
    return f"{confidence.percent} sure{'' if confidence.calibrated else ' (not calibrated)'}"


def is_sure(confidence: Confidence) -> bool:
    """Whether a patch is announced as a repair with this figure alone."""
    return confidence.value >= weights().threshold


def is_repair(status: Status) -> bool:
    """Whether a patch was found, repeated and announced."""
    return status in (Status.REPAIRED, Status.REPAIRED_IN_PART, Status.PLAUSIBLE)


def ending_of(status: Status, patch: PlausiblePatch | None) -> Status:
    """How a repair ends whose patch passed: the weaker claim where too little says it is right.

    A patch of the search that was not measured is no more than plausible. A figure that is not
    calibrated lowers nothing by itself: something that ran has to speak against the patch. One that
    was put together ends as the weakest of its parts would.
    """
    if not is_repair(status) or patch is None:
        return status
    if patch.unmeasured:
        return Status.PLAUSIBLE
    if patch.confidence is None:
        return Status.PLAUSIBLE if _is_of_search(patch) else status
    return Status.PLAUSIBLE if _falls_short(patch.confidence) else status


def _falls_short(sure: Confidence) -> bool:
    if sure.parts:
        return any(map(_falls_short, sure.parts))
    return not is_sure(sure) and (sure.calibrated or speaks_against(sure.signs))


def speaks_against(signs: ExecutedSigns) -> bool:
    """Whether something that ran speaks against a patch, rather than nothing for it. That others
    pass which answer otherwise says nothing against one whose author has read the code, and
    neither does a single call that no longer returns."""
    no_longer_returns = signs.raises > 1 and signs.raises > RAISING_SHARE * signs.compared
    return no_longer_returns or 2 * signs.noticed < signs.swaps


def _sentences(signs: ExecutedSigns, penalty: float) -> dict[str, str]:
    """Sign → what it is in words, for those that say something."""
    return {
        **_repaired(signs),
        **_calls(signs),
        **_rivals(signs),
        **_strength(signs),
        **(
            {"cautions": "- its text has signs of overfitting (see the cautions)"}
            if penalty
            else {}
        ),
    }


def _repaired(signs: ExecutedSigns) -> dict[str, str]:
    if signs.repaired > 1:
        return {"repaired": f"+ {signs.repaired} failing tests pass with it"}
    return {"repaired": "- one failing test is all that asks for it"}


def _calls(signs: ExecutedSigns) -> dict[str, str]:
    if not signs.compared:
        return {"calls": "- not looked at: no call beyond those of the tests could be compared"}
    calls = counted(signs.compared, "generated call")
    few = signs.compared < ENOUGH_CALLS
    sentences = {
        "calls": f"{'-' if few else '+'} {'only ' if few else ''}{calls} could be compared"
    }
    if signs.changed:
        # No sign against it: a fault on the main path is mended by changing most answers.
        example = f" (as {signs.changed_example})" if signs.changed_example else ""
        sentences["changed"] = (
            f"it changes the answer of {signs.changed} of {calls}{example}: is that meant?"
        )
    if signs.raises:
        sentences["raises"] = (
            f"- on {signs.raises} of {calls} it no longer returns (as {signs.raises_example})"
        )
    if features(signs, 0.0)["unchanged"]:
        near = counted(signs.near_unchanged or signs.compared, "generated call")
        sentences["unchanged"] = (
            f"- on {near} near those of the tests it answers as before: it may fit the tests' "
            "own input alone"
        )
    return sentences


def _rivals(signs: ExecutedSigns) -> dict[str, str]:
    if not signs.rivals:
        return {"rivals": "+ no other patch passed"}
    rivals = counted(signs.rivals, "other patch passes", "other patches pass")
    if not signs.compared:
        return {"rivals": f"- {rivals}, and no call tells them apart"}
    if not signs.disagreeing:
        alike = f"- {rivals}, though all answer the generated calls as this one does"
        return {"rivals": alike}
    otherwise = "generated calls otherwise or not at all"
    if signs.rivals == 1:
        return {"rivals": f"- {rivals}, and answers {otherwise}"}
    verb = "answers" if signs.disagreeing == 1 else "answer"
    return {"rivals": f"- {rivals}, of which {signs.disagreeing} {verb} {otherwise}"}


def _strength(signs: ExecutedSigns) -> dict[str, str]:
    guards = counted(signs.guards, "passing test")
    verb = "calls" if signs.guards == 1 else "call"
    sentences = {
        "guards": f"+ {guards} beside the failing ones {verb} what it changes"
        if signs.guards
        else "- no passing test beside the failing ones calls what it changes"
    }
    if not signs.swaps:
        return {
            **sentences,
            "noticed": "- not looked at: whether tests notice faults in these lines",
        }
    is_cut = signs.chosen_swaps > signs.swaps
    cut = f" ({signs.swaps} of {signs.chosen_swaps} tried in the time for it)" if is_cut else ""
    if signs.swaps == 1:
        fault = f"the one small fault put into its lines{cut}"
        if signs.noticed:
            return {**sentences, "noticed": f"+ the tests notice {fault}"}
        return {**sentences, "unnoticed": f"- the tests do not notice {fault} ({signs.unnoticed})"}
    faults = f"of {counted(signs.swaps, 'small fault')} put into its lines{cut}"
    if signs.noticed == signs.swaps:
        return {**sentences, "noticed": f"+ the tests notice all {faults}"}
    sentence = f"- the tests notice {signs.noticed} {faults} (not {signs.unnoticed})"
    return {**sentences, "unnoticed": sentence}
