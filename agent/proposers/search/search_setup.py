"""Construction of a search from ranking, snapshot and failing tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from agent.baseline.evidence import BaselineEvidence, hang_seconds, hangs
from agent.baseline.test_selection import nearest_passing
from agent.proposers.search.catalogue import candidates
from agent.proposers.search.condition_synthesis import Row, condition_candidates, literal_rows
from agent.proposers.search.failed_operators import FailedOperators
from agent.proposers.search.frontier import Frontier
from agent.proposers.search.ingredients.project_context import ProjectContext
from agent.proposers.search.likelihood.ranking_question import Question, question
from agent.proposers.search.model_ranker import Ask, OpenModel, Ranker
from agent.proposers.search.search import Synthesise
from agent.proposers.search.syntax_repair import syntax_candidates
from agent.records import CandidatePatch, SuspiciousLine
from agent.source.module import Module
from agent.source.syntax_faults import fault_of
from sandbox.languages.python.forking_evaluator import EvaluatorSettings, ForkingEvaluator
from sandbox.languages.python.runners.pytest import PytestSetup
from sandbox.runners.base import TestResult
from sandbox.runners.test_ids import named_file
from sandbox.snapshots.snapshot import Snapshot

MAX_CONTEXT_FILES = 80
"""Modules parsed for donors, names and signatures, the suspicious ones first."""
MAX_CONTEXT_BYTES = 4_000_000
MAX_OBSERVED_PASSING_TESTS = 5
"""Passing tests whose values are looked at for one condition."""
MAX_REPRESENTATIVES = 4
TEST_SECONDS = 10.0
"""Longest a candidate's test may take; usually far less, from the runs that passed."""
MAX_REGRESSION_SECONDS = 10.0
"""The evaluator guards with passing tests that take this long together; the verdict runs all."""


def make_frontier(
    ranking: Sequence[SuspiciousLine],
    snapshot: Snapshot,
    *,
    is_source: Callable[[str], bool],
    tests: Iterable[str],
    message: str,
    failed: FailedOperators,
    model: OpenModel | None = None,
) -> Frontier:
    """The frontier over all suspicious lines; `tests` are sources of the failing tests. Sites
    where an operator fails are counted in `failed`. With a `model`, that ranks the edits of each
    line, too."""
    modules = parsed_modules(ranking, snapshot, is_source)
    context = ProjectContext.build(modules, tests, message)
    unparsed_paths = set(unparsed(ranking, modules, snapshot))

    def expand(line: SuspiciousLine) -> list[CandidatePatch]:
        module = modules.get(line.path)
        patches: list[CandidatePatch] = []
        if module is not None:
            with failed.skipped("catalogue", f"{line.path}:{line.line}"):
                patches += candidates(module, [line.line], context=context, failed=failed)
        elif line.path in unparsed_paths:
            unparsed_paths.remove(line.path)  # its lines all have the same candidates
            with failed.skipped("syntax_repair", line.path):
                patches += syntax_candidates(line.path, snapshot.text(line.path).text)
        return patches

    if model is None:
        return Frontier(ranking, expand)
    return Frontier(ranking, expand, Ranker(model, _asking(snapshot, tests, message)))


def _asking(snapshot: Snapshot, tests: Iterable[str], message: str) -> Ask:
    failures = "\n\n".join((message, *tests))

    def ask(line: SuspiciousLine, edits: Sequence[CandidatePatch]) -> Question | None:
        return question(line, edits, snapshot.text(line.path).text, failures)

    return ask


def make_synthesis(
    evaluator: ForkingEvaluator,
    snapshot: Snapshot,
    target: str,
    passing: Sequence[str],
    failed: FailedOperators,
) -> Synthesise:
    """Conditions from the values that `target` and some passing tests have at a line."""

    def rows(test_id: str, line: SuspiciousLine) -> list[Row]:
        observations = evaluator.observe((), test_id, {line.path: [line.line]}, timeout_seconds=5.0)
        return literal_rows([observation.values for observation in observations])

    def synthesise(line: SuspiciousLine, forced: bool) -> list[CandidatePatch]:
        module = Module.parse(line.path, snapshot.text(line.path).text)
        failing_rows = rows(target, line)
        passing_rows = [
            row for test_id in passing[:MAX_OBSERVED_PASSING_TESTS] for row in rows(test_id, line)
        ]
        with failed.skipped("condition_synthesis", f"{line.path}:{line.line}"):
            return condition_candidates(
                module, line.line, forced=forced, failing=failing_rows, passing=passing_rows
            )
        return []

    return synthesise


def parsed_modules(
    ranking: Sequence[SuspiciousLine], snapshot: Snapshot, is_source: Callable[[str], bool]
) -> dict[str, Module]:
    """Suspicious modules, then their neighbours, up to the caps; what cannot be parsed is left."""
    suspicious = list(dict.fromkeys(line.path for line in ranking))
    folders = {PurePosixPath(path).parent for path in suspicious}
    other_paths = [path for path in snapshot.python_files() if is_source(path)]
    other_paths.sort(key=lambda path: (PurePosixPath(path).parent not in folders, path))
    modules: dict[str, Module] = {}
    size = 0
    for path in dict.fromkeys([*suspicious, *other_paths]):
        if len(modules) >= MAX_CONTEXT_FILES or size > MAX_CONTEXT_BYTES:
            break
        try:
            text = snapshot.text(path).text
            modules[path] = Module.parse(path, text)
        except (SyntaxError, ValueError, FileNotFoundError, RecursionError):
            continue
        size += len(text)
    return modules


def unparsed(
    ranking: Sequence[SuspiciousLine], modules: Mapping[str, Module], snapshot: Snapshot
) -> Iterator[str]:
    """Suspicious files that do not parse."""
    for path in dict.fromkeys(line.path for line in ranking):
        if path in modules:
            continue
        try:
            text = snapshot.text(path).text
        except (ValueError, FileNotFoundError):
            continue
        if fault_of(text) is not None:
            yield path


def representatives(failures: Mapping[str, TestResult], seconds: Mapping[str, float]) -> list[str]:
    """One failing test for each way of failing, the quickest, for the first look at a candidate.

    A candidate that turns one of them is on its way even when the others need another edit.
    """
    groups: dict[tuple[str, str], str] = {}
    for test_id in sorted(failures, key=lambda name: seconds.get(name, 0.0)):
        result = failures[test_id]
        last = result.frames[-1] if result.frames else None
        location = f"{last.path}:{last.function}" if last else named_file(test_id)
        groups.setdefault((result.exception or result.outcome.value, location), test_id)
    return list(groups.values())[:MAX_REPRESENTATIVES]


def evaluator_settings(
    evidence: BaselineEvidence,
    setup: PytestSetup,
    workers: int,
    pytest_ids: Callable[[Sequence[str]], Sequence[str]],
) -> EvaluatorSettings:
    """How candidates are tried by running tests: `pytest_ids` gives the ids by which pytest knows
    these tests."""
    seconds = {
        name: duration
        for test_id, duration in evidence.seconds.items()
        if not hangs(evidence, test_id)
        for name in pytest_ids([test_id])
    }
    targets = pytest_ids(representatives(evidence.failures, evidence.seconds))
    failing_ids = pytest_ids(evidence.baseline.failing)
    return EvaluatorSettings(
        setup=setup,
        targets=targets,
        others=[test_id for test_id in failing_ids if test_id not in targets],
        regressions=nearest_passing(
            failing_ids,
            pytest_ids(evidence.baseline.passing),
            seconds,
            budget_seconds=MAX_REGRESSION_SECONDS,
        ),
        workers=workers,
        test_timeout_seconds=min(TEST_SECONDS, hang_seconds(evidence)),
        durations=seconds,
        thorough=len(targets) > 1,
    )
