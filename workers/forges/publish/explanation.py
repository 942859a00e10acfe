"""What was wrong, what the patch changes, and what was checked of it, each in a sentence."""

from __future__ import annotations

from collections.abc import Iterator

from agent.records import Confidence, RepairResult, Verdict
from agent.runs.result_file import Evidence
from agent.selection.answer_table import answer_lines
from agent.selection.confidence import likely
from agent.wording import counted
from workers.forges.api.markdown import clean, code, code_block

MAX_UNCHECKED = 5
TABLE_COLUMNS = 100
SIDES = {"+": "for", "-": "against"}
"""How a reason begins → the side that it is on."""


def what_was_wrong(result: RepairResult, evidence: Evidence | None) -> str:
    """One sentence: the first failing test, how it failed, and the change that mends it."""
    patch = result.patch
    tests = list(patch.verdict.fail_to_pass) if patch else []
    if patch is None or not tests:
        return ""
    failures = evidence.baseline.failures if evidence and evidence.baseline else {}
    message = failures[tests[0]].message if tests[0] in failures else ""
    how = message.strip().partition("\n")[0]
    cause = f" with {code(how, 160)}" if how else ""
    more = f" (and {len(tests) - 1} more)" if len(tests) > 1 else ""
    change = code(patch.candidate.description, 200)
    return f"**What was wrong**: {code(tests[0], 200)}{more} failed{cause}; the change is {change}."


def before_and_after(verdict: Verdict) -> str:
    """Calls that no test makes, with the answers of base and patch; empty where none differs.

    The table is a block of code: there no bar or backslash of an answer ends a cell.
    """
    spread = verdict.spread
    if spread is None or not (spread.answers or spread.example):
        return ""
    lines = answer_lines(verdict, TABLE_COLUMNS, clean)
    if not lines:  # of an older version, or answers that look alike
        return f"**Answers otherwise than before**, for example: {code(spread.example)}"
    table = code_block("\n".join(lines))
    return f"**Before and after**, on calls that no test makes:\n\n{table}"


def how_sure(confidence: Confidence | None) -> str:
    """How likely the patch is right, sign by sign."""
    if confidence is None:
        return "**How sure**: not measured"
    question = confidence.signs.question
    signs = [_sign(reason) for reason in confidence.reasons]
    questions = [f"- a question to you: {code(question, 300)}"] if question else []
    return "\n".join((f"**How sure**: {likely(confidence)}", "", *questions, *signs)).rstrip()


def _sign(reason: str) -> str:
    side = SIDES.get(reason[:1])
    return f"- {side}: {code(reason[1:], 300)}" if side else f"- {code(reason, 300)}"


def checked(verdict: Verdict) -> Iterator[str]:
    """What was and was not checked."""
    yield f"**Checked**: {'; '.join(_checks(verdict))}."
    lines = [f"- {code(sentence, 300)}" for sentence in verdict.unchecked[:MAX_UNCHECKED]]
    remainder = "what no test and no generated call reaches"
    listing = "\n\n" + "\n".join([*lines, f"- {remainder}"]) if lines else f": {remainder}."
    yield f"**Not checked**{listing}"


def _checks(verdict: Verdict) -> Iterator[str]:
    number = len(verdict.fail_to_pass)
    verb = "passes" if number == 1 else "pass"
    yield (
        "in a fresh sandbox, with this change alone, "
        f"{counted(number, 'failing test')} {verb} and {counted(verdict.guarding, 'other')} still "
        f"{'does' if verdict.guarding == 1 else 'do'}"
    )
    if verdict.repeated:
        yield f"again in {counted(verdict.repeated, 'more run')}, and never without the change"
    if verdict.spread is not None:
        spread = verdict.spread
        yield (
            f"of {counted(spread.compared, 'generated call')} that no test makes, "
            f"{spread.changed + spread.raises:,} end otherwise than before"
        )
