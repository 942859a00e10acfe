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
    kinds = [kind_of(base, answer, demanded) for base, answer in pairs]
    counts = Counter(kinds)
    call_count = len(kinds) - counts["unknown"]
    rivals = [n for n in range(patches) if n != number]
    apart = [n for n in rivals if not call_count or not _agree(answers, common.patches[n])]
    return ExecutedSigns(
        compared=call_count,
        changed=counts["changed"],
        raises=counts["raises"],
        cured=counts["cured"],
        near_unchanged=common.near_unchanged[number] if common.near_unchanged else None,
        raises_example=_example(common, kinds, "raises"),
        changed_example=_example(common, kinds, "changed"),
        rivals=len(rivals),
        disagreeing=len(apart),
        question=_question(common, number, apart) if call_count else "",
        guards=common.guards,
    )


def _agree(answers: tuple[str | None, ...], rival_answers: tuple[str | None, ...]) -> bool:
    """Whether both answer alike where both answer; not where that is nowhere."""
    pairs = [pair for pair in zip(answers, rival_answers, strict=True) if None not in pair]
    return bool(pairs) and all(answer == rival_answer for answer, rival_answer in pairs)


def _example(common: CommonCalls, kinds: list[str], kind: str) -> str:
    return common.calls[kinds.index(kind)] if kind in kinds else ""


def _question(common: CommonCalls, number: int, apart: list[int]) -> str:
    """The shortest call on which others answer otherwise, as a question."""
    answers = common.patches[number]
    questions: list[tuple[int, str]] = []
    for rival in apart:
        rival_answers = common.patches[rival]
        for call, answer, rival_answer in zip(common.calls, answers, rival_answers, strict=True):
            if answer is None or rival_answer is None:
                continue
            values = value_of(answer), value_of(rival_answer)
            if (
                answer != rival_answer
                and values[0] != values[1]
                and len(call) <= MAX_CALL_CHARACTERS
            ):
                text = f"should `{call}` be {values[0]}, as with this patch, or {values[1]}?"
                questions.append((len(text), text))
    return min(questions)[1] if questions else ""
