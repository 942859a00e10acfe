"""What was wrong, what the patch changes, and what was checked of it, each in a sentence."""

from __future__ import annotations

from collections.abc import Iterator

from agent.records import PlausiblePatch, RepairResult, Verdict
from agent.runs.result_file import Evidence
from agent.wording import counted
from workers.github.api.markdown import code

MAX_UNCHECKED = 5


def what_was_wrong(result: RepairResult, evidence: Evidence | None) -> str:
    """One sentence: the first failing test, how it failed, and the change that mends it."""
    patch = result.patch
    tests = list(patch.verdict.fail_to_pass) if patch else []
    if patch is None or not tests:
        return ""
    failures = evidence.baseline.failures if evidence and evidence.baseline else {}
    message = failures[tests[0]].message if tests[0] in failures else ""
    how = message.strip().partition("\n")[0]
    said = f" with {code(how, 160)}" if how else ""
    more = f" (and {len(tests) - 1} more)" if len(tests) > 1 else ""
    change = code(patch.candidate.description, 200)
    return f"**What was wrong**: {code(tests[0], 200)}{more} failed{said}; the change is {change}."


def explained(patch: PlausiblePatch) -> Iterator[str]:
    """Before and after on an input that no test has, and what was and was not checked."""
    verdict = patch.verdict
    if verdict.spread is not None and verdict.spread.example:
        yield f"**Before and after**: {code(verdict.spread.example, 400)}"
    yield f"**Checked**: {'; '.join(_checked(verdict))}."
    unchecked = [f"- {code(sentence, 300)}" for sentence in verdict.unchecked[:MAX_UNCHECKED]]
    rest = "what no test and no generated call reaches"
    listed = "\n\n" + "\n".join([*unchecked, f"- {rest}"]) if unchecked else f": {rest}."
    yield f"**Not checked**{listed}"


def _checked(verdict: Verdict) -> Iterator[str]:
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
