"""localize: which lines may hold the fault."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from agent.baseline.evidence import BaselineEvidence, without
from agent.baseline.unrepairable import unrepairable_tests
from agent.events import BaselineTaken, Localized, Progress
from agent.graph.prepared_project import PreparedProject
from agent.graph.run_context import RunContext
from agent.graph.state import RepairState
from agent.localization.coverage import RecordingPlan, record
from agent.localization.ranking import Failure, rank
from agent.localization.spectrum import Spectrum, spectrum
from agent.localization.syntax_errors import with_unparsed
from agent.proposers.search.ingredients.project_context import words_of_code
from agent.records import SuspiciousLine
from agent.serialization import plain, restore
from agent.source.structure import statement_lines
from sandbox.languages.python.detection.test_setup import RunnerKind
from sandbox.languages.python.runners.coverage import Coverage, CoverageReport, collect

MAX_STORED_LINES = 3_000
SHOWN_LINES = 20


def localize(state: RepairState, context: RunContext) -> dict[str, Any]:
    evidence = restore(BaselineEvidence, state["evidence"])
    prepared = context.prepared(state)
    update: dict[str, Any] = {}
    if prepared.project.runner is RunnerKind.COMMAND:
        measured, imported = _whole_project(prepared), frozenset[str]()
    else:
        measured, failing_lines = _recorded(evidence, state, context)
        imported = frozenset(failing_lines.imported)
        unrepairable = {} if context.job.only else _unrepairable(evidence, failing_lines, prepared)
        if 0 < len(unrepairable) < len(evidence.baseline.failing):
            evidence = without(evidence, unrepairable)
            update["evidence"] = plain(evidence)
            context.listen(BaselineTaken(baseline=evidence.baseline))
            context.tell_set_aside(unrepairable)
    statement = context.job.problem_statement or ""
    ranking = _ranking(evidence, measured, imported, prepared, statement)
    context.listen(Localized(lines=ranking[:SHOWN_LINES]))
    first = f", first {ranking[0].path}:{ranking[0].line}" if ranking else ""
    return {
        **update,
        "suspicious": [plain(line) for line in ranking[:MAX_STORED_LINES]],
        "summary": f"{len(ranking)} suspicious lines{first}",
    }


def _recorded(
    evidence: BaselineEvidence, state: RepairState, context: RunContext
) -> tuple[Spectrum, CoverageReport]:
    prepared = context.prepared(state)
    files = prepared.snapshot.python_files()
    tests = [path for path in files if prepared.project.is_test_path(path)]

    def collect_lines(
        test_ids: Sequence[str],
        *,
        whole_seconds: float,
        test_seconds: float,
        isolation_seconds: float,
    ) -> CoverageReport:
        with context.open(state) as session:
            return collect(
                session,
                prepared.pytest_setup,
                prepared.pytest_ids(test_ids),
                sources=["."],
                excluded=tests,
                timeout_seconds=whole_seconds,
                test_timeout_seconds=test_seconds,
                isolation_seconds=isolation_seconds,
            )

    plan = RecordingPlan.of(evidence)
    counts = f"{len(plan.failing)} failing and {len(plan.passing)} passing"
    context.listen(Progress(text=f"recording which lines {counts} tests run"))
    return record(plan, evidence, collect_lines)


def _unrepairable(
    evidence: BaselineEvidence, failing_lines: CoverageReport, prepared: PreparedProject
) -> dict[str, str]:
    def lines_of(test_id: str) -> Coverage | None:
        ids = prepared.pytest_ids([test_id])
        return failing_lines.lines.get(ids[0]) if ids else None

    modules = prepared.project.modules
    return unrepairable_tests(evidence.failures, lines_of, modules, prepared.snapshot)


def _ranking(
    evidence: BaselineEvidence,
    measured: Spectrum,
    imported: Collection[str],
    prepared: PreparedProject,
    problem_statement: str,
) -> tuple[SuspiciousLine, ...]:
    """The project's statements by coverage, traceback and words."""
    words = words_of_code(prepared.test_sources(evidence.baseline.failing))
    failure = Failure(
        results=tuple(evidence.failures.values()),
        test_words=words.names,
        test_strings=words.strings,
        problem_statement=problem_statement,
    )
    ranking = rank(measured, failure, prepared.source_text, imported)
    return with_unparsed(ranking, evidence.failures.values(), _source_texts(prepared))


def _source_texts(prepared: PreparedProject) -> Iterator[tuple[str, str]]:
    for path in prepared.snapshot.python_files():
        text = prepared.source_text(path)
        if text is not None:
            yield path, text


def _whole_project(prepared: PreparedProject) -> Spectrum:
    """A command that is no test runner says nothing about lines: any may have run, and the
    traceback and the words decide."""
    statements = {path: statement_lines(text) for path, text in _source_texts(prepared)}
    return spectrum([statements], [])
