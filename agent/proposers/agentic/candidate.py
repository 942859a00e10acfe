"""From the model's working copy to a candidate: source only, the rest dropped and named."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from agent.patches.changes import FileChange, edits_between
from agent.patches.doctest_examples import pinned_docstring_objections
from agent.patches.path_rules import (
    PYTHON_SOURCES,
    PathRules,
    SourceRules,
    measure_objection,
    path_objections,
)
from agent.proposers.agentic.tools.working_copy import WorkingTree
from agent.records import CandidatePatch
from sandbox.source import SourceEdit

PROPOSER = "model"
MAX_NAMED_FILES = 4


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a patch may touch in this project."""

    layout: PathRules
    base_paths: Collection[str]
    links: Collection[str]
    include_tests: bool
    sources: SourceRules = PYTHON_SOURCES
    """What counts as source in the project's language."""
    generated: Collection[str] = ()
    """What the installation makes beside the base's files."""


@dataclass(frozen=True)
class ExtractedCandidate:
    """The candidate patch made from a working copy, and changes that do not count."""

    candidate: CandidatePatch | None
    """None when nothing is left of it."""
    dropped: tuple[str, ...]
    """What was left out and why, one sentence each, written for the model."""


def make_candidate(tree: WorkingTree, rules: Rules, score: float = 1.0) -> ExtractedCandidate:
    """The difference between working copy and base, without what a patch may not touch."""
    edits: list[SourceEdit] = []
    objections: list[str] = []
    edited_paths: list[str] = []
    dropped_paths: list[str] = []
    for path, (old, new) in tree.changes().items():
        file_edits, objection = _edits(path, old, new, rules)
        if objection:
            objections.append(objection)
            dropped_paths += [path] if old is not None else []  # a new file may be of a test run
        elif file_edits:
            edits += file_edits
            edited_paths.append(path)
    if not edits:
        return ExtractedCandidate(None, tuple(objections))
    runs = f"{len(edits)} places" if len(edits) > 1 else "one place"
    rest = f"; left out: {_named(dropped_paths)}" if dropped_paths else ""
    candidate = CandidatePatch(
        edits=tuple(edits),
        proposer=PROPOSER,
        operator="model.edit",
        description=f"the model's edit of {_named(edited_paths)} ({runs}{rest})",
        score=score,
    )
    return ExtractedCandidate(candidate, tuple(objections))


def _named(paths: Sequence[str]) -> str:
    more = " and more" if len(paths) > MAX_NAMED_FILES else ""
    return f"{', '.join(paths[:MAX_NAMED_FILES])}{more}"


def refusal(path: str, content: bytes | None, rules: Rules) -> str:
    """Why a change is refused when it is made; empty where it is not. A new file beside the tests
    may be written, since it changes no test: it is only left out of the patch."""
    measure = measure_objection(path, rules.layout)
    is_new_test = path not in rules.base_paths and rules.layout.is_test_path(path)
    if measure is None or (is_new_test and not rules.layout.is_config_path(path)):
        return ""
    if content is None and path not in rules.base_paths:
        return ""  # what was never there may go
    return f"{path}: {measure}"


def caution(path: str, base: bytes | None, content: bytes | None, rules: Rules) -> str:
    """What will speak against a change that is not refused when it is made: examples that are
    tests. Empty where nothing does."""
    objections = pinned_docstring_objections({path: (base, content)}, rules.layout)
    return "\n".join(
        f"Careful: {objection}. A patch that holds this is rejected, whatever `run_tests` says: "
        "put the docstring, or the test, back. If the example itself is wrong and contradicts a "
        "failing test, submit the change of the code alone, and people are told of both."
        for objection in objections
    )


def left_out(path: str, old: bytes | None, new: bytes | None, rules: Rules) -> str:
    """Why a change is left out of a patch, one sentence; empty where it counts."""
    return _edits(path, old, new, rules)[1]


def _edits(
    path: str, old: bytes | None, new: bytes | None, rules: Rules
) -> tuple[tuple[SourceEdit, ...], str]:
    """Edits of one file, or why it is left out."""
    change: dict[str, FileChange] = {path: (old, new)}
    objections = path_objections(
        change,
        rules=rules.layout,
        base_paths=rules.base_paths,
        links=rules.links,
        generated=rules.generated,
        include_tests=rules.include_tests,
        sources=rules.sources,
    )
    if objections:
        return (), objections[0]
    if old is None:
        try:
            return (SourceEdit(path, 0, 0, (new or b"").decode("utf-8")),), ""
        except UnicodeDecodeError:
            return (), f"{path}: a new file must be UTF-8"
    try:
        return edits_between(path, old, new or b""), ""
    except ValueError as error:
        return (), f"{path}: {error}"


def key_of(candidate: CandidatePatch) -> str:
    """Key of a candidate, equal for candidates with the same edits."""
    text = repr(sorted((e.path, e.start, e.end, e.replacement) for e in candidate.edits))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=10).hexdigest()
