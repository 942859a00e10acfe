"""What the answers of several patches to the same calls say of each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from agent.records import ExecutedSigns
from agent.validation.differential.calls.common_calls import CommonCalls, kind_of
from agent.validation.differential.calls.shown_calls import value_of

MAX_CALL_CHARACTERS = 80


def signs_of_patch(
    common: CommonCalls, number: int, patches: int, demanded: Collection[str] = ()
) -> ExecutedSigns:
    """The signs of one of `patches` patches; `demanded` are errors that the failing tests demand.
    Where no call can be compared, nothing tells them apart, and all others count as
    disagreeing, as one does that answered none of them."""
    answers = common.patches[number] if common.calls else ()
    pairs = zip(common.base, answers, strict=False)
    kinds = [kind_of(base, mine, demanded) for base, mine in pairs]
    counts = Counter(kinds)
    compared = len(kinds) - counts["unknown"]
    others = [n for n in range(patches) if n != number]
    apart = [n for n in others if not compared or not _agree(answers, common.patches[n])]
    return ExecutedSigns(
        compared=compared,
        changed=counts["changed"],
        raises=counts["raises"],
        cured=counts["cured"],
        near_unchanged=common.near_unchanged[number] if common.near_unchanged else None,
        raises_example=_example(common, kinds, "raises"),
        changed_example=_example(common, kinds, "changed"),
        rivals=len(others),
        disagreeing=len(apart),
        question=_question(common, number, apart) if compared else "",
        guards=common.guards,
    )


def _agree(mine: tuple[str | None, ...], theirs: tuple[str | None, ...]) -> bool:
    """Whether both answer alike where both answer; not where that is nowhere."""
    both = [pair for pair in zip(mine, theirs, strict=True) if None not in pair]
    return bool(both) and all(one == other for one, other in both)


def _example(common: CommonCalls, kinds: list[str], kind: str) -> str:
    return common.calls[kinds.index(kind)] if kind in kinds else ""


def _question(common: CommonCalls, number: int, apart: list[int]) -> str:
    """The shortest call on which others answer otherwise, as a question."""
    mine = common.patches[number]
    asked: list[tuple[int, str]] = []
    for other in apart:
        theirs = common.patches[other]
        for call, answer, otherwise in zip(common.calls, mine, theirs, strict=True):
            if answer is None or otherwise is None:
                continue
            told = value_of(answer), value_of(otherwise)
            if answer != otherwise and told[0] != told[1] and len(call) <= MAX_CALL_CHARACTERS:
                text = f"should `{call}` be {told[0]}, as with this patch, or {told[1]}?"
                asked.append((len(text), text))
    return min(asked)[1] if asked else ""
