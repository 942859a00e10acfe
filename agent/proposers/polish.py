"""Small edits around a near miss: a wrong boundary costs no second generation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from agent.patches.changes import FileChange, edits_between
from agent.proposers.search.catalogue import candidates
from agent.proposers.search.failed_operators import FailedOperators
from agent.proposers.search.frontier import Frontier
from agent.proposers.search.ingredients.project_context import ProjectContext
from agent.proposers.search.search import Search
from agent.records import CandidatePatch, SuspiciousLine, Verdict
from agent.source.module import Module
from sandbox.source import apply_edits, decode_source_lossless

PROPOSER = "polish"
MAX_BROKEN_TESTS = 5
FAR_MISS_TIME_SHARE = 0.5
NEIGHBOUR_LINES = 2
"""Lines around a touched one that are looked at, too."""
NEIGHBOUR_SCORE = 0.3


@dataclass
class NearMiss:
    """A rejected candidate of the model, and the small edits around it."""

    candidate: CandidatePatch
    seconds_left: float
    around: Search | None = None
    """Once begun."""


def time_share(verdict: Verdict) -> float:
    """How much of the time for small edits a rejected patch is worth, 0 to 1.

    All of it where it turned some of the failing tests or broke few of the others. A part of it
    where it broke many: one wrong name that runs on import does that, too. None where it never
    ran: what breaks a rule is mended by no small edit.
    """
    if verdict.plausible or not verdict.fail_to_pass:
        return 0.0
    makes_progress = any(outcome == "passed" for outcome in verdict.fail_to_pass.values())
    broken_count = sum(outcome != "passed" for outcome in verdict.pass_to_pass.values())
    return 1.0 if makes_progress or broken_count <= MAX_BROKEN_TESTS else FAR_MISS_TIME_SHARE


def polish_frontier(
    seed: CandidatePatch,
    changes: Mapping[str, FileChange],
    context: ProjectContext,
    failed: FailedOperators,
) -> Frontier:
    """Every small edit at the lines that `seed` touched, each together with the whole seed.

    `changes` is what the seed makes of its files. The edits are against the base again.
    """
    modules = {
        path: module for path, (old, new) in changes.items() if (module := _module(path, old, new))
    }
    lines = [line for path in modules for line in _touched(path, changes[path])]

    def expand(line: SuspiciousLine) -> list[CandidatePatch]:
        module = modules[line.path]
        old, new = changes[line.path]
        small_edits: list[CandidatePatch] = []
        with failed.skipped("catalogue", f"{line.path}:{line.line}"):
            small_edits += candidates(module, [line.line], context=context, failed=failed)
        return [
            combination
            for candidate in small_edits
            if (combination := _on_top(seed, candidate, old or b"", new or b"")) is not None
        ]

    return Frontier(sorted(lines, key=lambda line: -line.score), expand)


def _module(path: str, old: bytes | None, new: bytes | None) -> Module | None:
    if not old or not new or not path.endswith(".py"):
        return None
    try:
        return Module.parse(path, decode_source_lossless(new).text)
    except (SyntaxError, ValueError, RecursionError):
        return None


def _touched(path: str, change: FileChange) -> list[SuspiciousLine]:
    old, new = change[0] or b"", change[1] or b""
    text = decode_source_lossless(new).text
    scores: dict[int, float] = {}
    for edit in edits_between(path, new, old):  # backwards: the spans lie in the new text
        first = text.count("\n", 0, edit.start) + 1
        last = max(first, text.count("\n", 0, edit.end) + (not text[: edit.end].endswith("\n")))
        for line in range(max(1, first - NEIGHBOUR_LINES), last + NEIGHBOUR_LINES + 1):
            score = 1.0 if first <= line <= last else NEIGHBOUR_SCORE
            scores[line] = max(score, scores.get(line, 0.0))
    return [
        SuspiciousLine(path=path, line=line, score=score, ochiai=0.0, dstar=0.0)
        for line, score in scores.items()
    ]


def _on_top(
    seed: CandidatePatch, candidate: CandidatePatch, old: bytes, new: bytes
) -> CandidatePatch | None:
    """The seed with a small edit of its result, as one candidate against the base."""
    path = candidate.edits[0].path
    source = decode_source_lossless(new)
    try:
        content = source.encode(apply_edits(source.text, candidate.edits))
        edits = edits_between(path, old, content)
    except ValueError:
        return None
    other_edits = tuple(edit for edit in seed.edits if edit.path != path)
    return replace(
        candidate,
        edits=(*other_edits, *edits),
        proposer=PROPOSER,
        description=f"{seed.description}, then {candidate.description}",
    )
