"""What a client is told of a result: plain data, and bounded.

Nearly all of it is text of the target. Sentences and the diff stand between marks that they cannot
write themselves (`agent.untrusted_text`); names of tests and files have to be said back as they
are, so that the fields that hold them are listed in `untrusted`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from agent.records import (
    Confidence,
    PlausiblePatch,
    RepairResult,
    Status,
    SuspiciousLine,
    Verification,
)
from agent.untrusted_text import marked, printable_lines, shortened

MAX_TESTS = 20
MAX_PLACES = 10
MAX_CHARACTERS = 300
"""Of a text, but for the diff."""
MAX_DIFF_CHARACTERS = 20_000
"""A longer one is not told in part: half a patch is another patch."""
PATCH_FILE = "patch.diff"


def of_repair(result: RepairResult) -> dict[str, Any]:
    """How a repair ended. The patch is not applied."""
    fields: dict[str, Any] = {
        "status": result.status.value,
        "reason": told_text(result.reason),
        "suspicious": of_places(result.suspicious),
        "result_path": str(result.result_path) if result.result_path else None,
        "untrusted": ["reason", "suspicious"],
    }
    if result.baseline is not None:
        _tell_names(fields, "failing", result.baseline.failing)
        _tell_names(fields, "still_red", result.baseline.still_red)
    if result.patch is not None:
        fields["patch"] = _patch(result.patch, result)
        fields["other_patches"] = len(result.alternatives)
    return fields


def _patch(patch: PlausiblePatch, result: RepairResult) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "description": told_text(patch.candidate.description),
        "still_pass": patch.verdict.guarding,
        "confidence": _confidence(patch.confidence),
        "untrusted": ["description", "diff"],
    }
    diff = "\n".join(printable_lines(patch.diff))
    if len(diff) <= MAX_DIFF_CHARACTERS:
        fields["diff"] = marked(diff)
    else:
        place = result.result_path
        fields["diff_omitted"] = True
        fields["diff_path"] = str(place.with_name(PATCH_FILE)) if place else None
    _tell_names(fields, "now_pass", list(patch.verdict.fail_to_pass))
    _tell_names(fields, "cautions", patch.cautions)
    _tell_names(fields, "unchecked", patch.verdict.unchecked)
    return fields


def of_places(places: Iterable[SuspiciousLine]) -> list[dict[str, Any]]:
    return [
        {
            "path": _name(place.path),
            "line": place.line,
            "score": round(place.score, 3),
            "reasons": [_name(reason) for reason in place.reasons[:MAX_TESTS]],
        }
        for place in list(places)[:MAX_PLACES]
    ]


def of_verdict(found: Verification, status: Status) -> dict[str, Any]:
    """`status`: how it ends."""
    verdict = found.verdict
    fields: dict[str, Any] = {
        "status": status.value,
        "confirmed": verdict.plausible,
        "still_pass": verdict.guarding,
        "untrusted": [],
    }
    _tell_names(fields, "still_red", found.still_red)
    _tell_names(fields, "objections", verdict.objections)
    _tell_names(fields, "now_pass", list(verdict.fail_to_pass))
    return fields


def _confidence(confidence: Confidence | None) -> dict[str, Any] | None:
    """How sure the patch is right; None where nobody measured it."""
    if confidence is None:
        return None
    fields: dict[str, Any] = {
        "value": confidence.value,
        "calibrated": confidence.calibrated,
        "question": _name(confidence.signs.question),
        "untrusted": ["question"],
    }
    _tell_names(fields, "reasons", confidence.reasons)
    return fields


def told_text(text: str) -> str:
    """A sentence that may hold text of the target: marked and bounded. Empty where it is."""
    return marked(_name(text)) if text else ""


def _tell_names(told: dict[str, Any], field: str, names: Sequence[str]) -> None:
    """Tell the first names, and how many there are where that is not all."""
    told[field] = [_name(name) for name in names[:MAX_TESTS]]
    told["untrusted"].append(field)
    if len(names) > MAX_TESTS:
        told[f"{field}_count"] = len(names)


def _name(text: str) -> str:
    return shortened(text, MAX_CHARACTERS)
