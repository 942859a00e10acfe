"""localize: which lines may hold the fault."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from agent.baseline.evidence import BaselineEvidence, without
from agent.baseline.failures.grouping import groups_of, outermost
from agent.baseline.failures.unrepairable import unrepairable_tests
from agent.events import BaselineTaken, Localized, Progress
from agent.graph.context.prepared_project import PreparedProject
from agent.graph.context.run_context import RunContext
from agent.graph.rounds import first_round
from agent.graph.state import RepairState
from agent.localization.coverage import Collect, RecordedLines, RecordingPlan, record
from agent.localization.line_ranking import Failure, rank
from agent.localization.loaded_files import Loads, lines_of_failures
from agent.localization.loads import GoLoads, RustLoads, javascript_loads
from agent.localization.spectrum import Spectrum, spectrum
from agent.localization.syntax_errors import with_unparsed
from agent.proposers.search.ingredients.project_context import words_of_code
from agent.records import SuspiciousLine
from agent.runs.stop import raise_if_stopped
from agent.serialization import plain, restore
from agent.source.structure import statement_lines
from agent.wording import counted
from sandbox.languages.coverage import Coverage, CoverageReport
from sandbox.languages.go.detection.project import GoProject
from sandbox.languages.javascript.runners.runner import JavaScriptRunner
from sandbox.languages.python.detection.test_setup import RunnerKind
from sandbox.languages.python.runners.coverage import collect
from sandbox.languages.rust.detection.project import RustProject

MAX_STORED_LINES = 3_000
SHOWN_LINES = 20
MAX_FAILURES_WITH_VALUES = 4


def localize(state: RepairState, context: RunContext) -> dict[str, Any]:
    evidence = restore(BaselineEvidence, state["evidence"])
    preparation = context.prepared(state)
    update: dict[str, Any] = {}
    if not preparation.language.abilities.lines:
        return _without_coverage(evidence, state, context)
    if preparation.project.runner is RunnerKind.COMMAND:
        evidence, update = _first_round(evidence, None, state, context)
        measurement, imports = _whole_project(preparation), frozenset[str]()
    else:
        coverage = _recorded(evidence, state, context)
        raise_if_stopped(context.stop)  # what was recorded may have been cut off
        if "rounds" not in state:
            names = context.job.only or state.get("asked", ())
            evidence, aside = _without_unrepairable(evidence, coverage, context, preparation, names)
            evidence, update = _first_round(evidence, coverage, state, context)
            update |= {} if "evidence" in update else aside
        failing_ids = preparation.pytest_ids(evidence.baseline.failing)
        update["failure_values"] = _failure_values(coverage.failing, failing_ids)
        imports = frozenset(coverage.failing.imported)
        measurement = coverage.spectrum(failing_ids)
    statement = context.job.problem_statement or ""
    ranking = _ranking(evidence, measurement, imports, preparation, statement)
    return {**update, **_localized(ranking, context)}


def _without_coverage(
    evidence: BaselineEvidence, state: RepairState, context: RunContext
) -> dict[str, Any]:
    """Of a language that has no parser here: the stacks, what the tests load, and the lines that
    they run, where something records these."""
    preparation = context.prepared(state)
    evidence, update = _first_round(evidence, None, state, context)
    ran = _ran(evidence, state, context)
    raise_if_stopped(context.stop)  # what was recorded may have been cut off
    ranking = lines_of_failures(
        tuple(evidence.failures.values()),
        preparation.snapshot.entries.keys(),
        preparation.source_text,
        preparation.any_text,
        _loads(preparation),
        tuple(evidence.others.values()),
        ran,
    )
    return {**update, **_localized(ranking, context)}


def _ran(evidence: BaselineEvidence, state: RepairState, context: RunContext) -> Spectrum | None:
    """Which lines the failing tests and some others ran; None where nothing records them."""
    runner = context.prepared(state).runner
    if not isinstance(runner, JavaScriptRunner) or not runner.records_lines:
        return None

    def collect_lines(
        test_ids: Sequence[str],
        *,
        whole_seconds: float,
        test_seconds: float,
        isolation_seconds: float,  # noqa: ARG001 - all tests share their process
    ) -> CoverageReport:
        with context.open(state) as session:
            return runner.lines(
                session, test_ids, timeout_seconds=whole_seconds, test_timeout_seconds=test_seconds
            )

    plan = RecordingPlan.of(evidence).within_files()
    return _record(plan, evidence, context, collect_lines).spectrum(evidence.baseline.failing)


def _loads(prepared: PreparedProject) -> Loads:
    project = prepared.project
    if isinstance(project, GoProject):
        return GoLoads(project.modules)
    return RustLoads(project.crates) if isinstance(project, RustProject) else javascript_loads


def _localized(ranking: Sequence[SuspiciousLine], context: RunContext) -> dict[str, Any]:
    context.listen(Localized(lines=tuple(ranking[:SHOWN_LINES])))
    first = f", first {ranking[0].path}:{ranking[0].line}" if ranking else ""
    return {
        "suspicious": [plain(line) for line in ranking[:MAX_STORED_LINES]],
        "summary": f"{len(ranking)} suspicious lines{first}",
    }


def _without_unrepairable(
    evidence: BaselineEvidence,
    recorded: RecordedLines,
    context: RunContext,
    prepared: PreparedProject,
    named: Collection[str],
) -> tuple[BaselineEvidence, dict[str, Any]]:
    """The evidence without what no patch can mend, unless that is everything or was named."""
    reasons = {} if context.job.only else _unrepairable(evidence, recorded.failing, prepared)
    unrepairable = {test_id: why for test_id, why in reasons.items() if test_id not in named}
    if not 0 < len(unrepairable) < len(evidence.baseline.failing):
        return evidence, {}
    evidence = without(evidence, unrepairable)
    context.listen(BaselineTaken(baseline=evidence.baseline))
    context.tell_set_aside(unrepairable)
    return evidence, {"evidence": plain(evidence)}


def _first_round(
    evidence: BaselineEvidence,
    recorded: RecordedLines | None,
    state: RepairState,
    context: RunContext,
) -> tuple[BaselineEvidence, dict[str, Any]]:
    """The evidence of the group of failing tests that is looked at first, and what changes in the
    state; of later rounds it is there."""
    if "rounds" in state:
        return evidence, {}
    preparation = context.prepared(state)
    lines = {}
    for test_id in evidence.failures if recorded else ():
        ids = preparation.pytest_ids([test_id])
        if recorded and ids and ids[0] in recorded.failing.lines:
            lines[test_id] = recorded.failing.lines[ids[0]]

    def is_source(path: str) -> bool:
        return path in preparation.snapshot.entries and preparation.is_source(path)

    passing_lines = recorded.passing if recorded else ()
    groups = groups_of(evidence.failures, lines, passing_lines, is_source)
    first, update = first_round(state, evidence, groups, state.get("asked", ()))
    causes = len(outermost(groups))
    if causes > 1:
        begins = counted(len(first.baseline.failing), "test")
        text = f"the failing tests are {causes} groups by cause; the first has {begins}"
        context.listen(Progress(text=text))
    return first, update


def _recorded(evidence: BaselineEvidence, state: RepairState, context: RunContext) -> RecordedLines:
    preparation = context.prepared(state)
    files = preparation.snapshot.python_files()
    tests = [path for path in files if preparation.project.is_test_path(path)]

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
                preparation.pytest_setup,
                preparation.pytest_ids(test_ids),
                sources=["."],
                excluded=tests,
                timeout_seconds=whole_seconds,
                test_timeout_seconds=test_seconds,
                isolation_seconds=isolation_seconds,
            )

    return _record(RecordingPlan.of(evidence), evidence, context, collect_lines)


def _record(
    plan: RecordingPlan, evidence: BaselineEvidence, context: RunContext, collect_lines: Collect
) -> RecordedLines:
    counts = f"{len(plan.failing)} failing and {len(plan.passing)} passing"
    context.listen(Progress(text=f"recording which lines {counts} tests run"))
    return record(plan, evidence, collect_lines)


def _failure_values(failing_lines: CoverageReport, test_ids: Sequence[str]) -> list[dict[str, Any]]:
    """What the local variables were where the first few of these tests failed."""
    recorded_ids = [test_id for test_id in test_ids if test_id in failing_lines.values]
    return [
        {"path": entry.frame.path, "line": entry.frame.line, "values": dict(entry.variables)}
        for test_id in recorded_ids[:MAX_FAILURES_WITH_VALUES]
        for entry in failing_lines.values[test_id]
    ]


def _unrepairable(
    evidence: BaselineEvidence, failing_lines: CoverageReport, prepared: PreparedProject
) -> dict[str, str]:
    def lines_of(test_id: str) -> Coverage | None:
        ids = prepared.pytest_ids([test_id])
        return failing_lines.lines.get(ids[0]) if ids else None

    modules = prepared.python.modules if prepared.python else ()
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
