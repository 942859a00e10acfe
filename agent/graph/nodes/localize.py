"""localize: which lines may hold the fault."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from agent.baseline.take import BaselineEvidence, hang_seconds, hangs, without
from agent.baseline.unrepairable import unrepairable_tests
from agent.events import BaselineTaken, Localized, Progress
from agent.graph.run_context import RunContext
from agent.graph.state import RepairState
from agent.localization.ranking import Failure, rank
from agent.localization.spectrum import Spectrum, spectrum
from agent.localization.syntax_errors import with_unparsed
from agent.proposers.search.ingredients.project_context import words_of_code
from agent.records import SuspiciousLine
from agent.serialization import plain, restore
from agent.source.structure import statement_lines
from agent.source.test_sources import sources_of
from sandbox.languages.python.detection.test_setup import RunnerKind
from sandbox.languages.python.runners.coverage import Coverage, CoverageReport, collect

KEPT_LINES = 3_000
FAILING_TESTS = 40
"""Failing tests whose coverage is taken; more say nothing new."""
HANGING_TESTS = 2
PASSING_SECONDS = 8.0
"""Passing tests are taken that need about this long together without coverage."""
PASSING_WHOLE_SECONDS = 60.0
"""With coverage; the tests that ended until then count. The search needs the time more."""
TEST_SECONDS = 20.0
WHOLE_SECONDS = 240.0


def localize(state: RepairState, context: RunContext) -> dict[str, Any]:
    evidence = restore(BaselineEvidence, state["evidence"])
    update: dict[str, Any] = {}
    if context.prepared(state).project.runner is RunnerKind.COMMAND:
        measured, imported = _whole_project(state, context), frozenset[str]()
    else:
        measured, failed = _covered(evidence, state, context)
        imported = frozenset(failed.imported)
        aside = {} if context.job.only else _unreached(evidence, failed, state, context)
        if 0 < len(aside) < len(evidence.baseline.failing):
            evidence = without(evidence, aside)
            update["evidence"] = plain(evidence)
            context.listen(BaselineTaken(baseline=evidence.baseline))
            context.tell_set_aside(aside)
    ranking = _ranking(evidence, measured, imported, state, context)
    context.listen(Localized(lines=ranking[:20]))
    first = ranking[0] if ranking else None
    where = f", first {first.path}:{first.line}" if first else ""
    return {
        **update,
        "suspicious": [plain(line) for line in ranking[:KEPT_LINES]],
        "summary": f"{len(ranking)} suspicious lines{where}",
    }


def _ranking(
    evidence: BaselineEvidence,
    measured: Spectrum,
    imported: Collection[str],
    state: RepairState,
    context: RunContext,
) -> tuple[SuspiciousLine, ...]:
    """The project's statements by coverage, traceback and words."""
    words = words_of_code(sources_of(evidence.baseline.failing, context.snapshot(state)))
    failure = Failure(
        results=tuple(evidence.failures.values()),
        test_words=words.names,
        test_strings=words.strings,
        problem_statement=context.job.problem_statement or "",
    )
    ranking = rank(measured, failure, lambda path: context.source_text(state, path), imported)
    texts = _source_texts(state, context)
    return with_unparsed(ranking, evidence.failures.values(), texts)


def _unreached(
    evidence: BaselineEvidence, failed: CoverageReport, state: RepairState, context: RunContext
) -> dict[str, str]:
    def ran(test_id: str) -> Coverage | None:
        ids = context.pytest_ids(state, [test_id])
        return failed.lines.get(ids[0]) if ids else None

    modules = context.prepared(state).project.modules
    return unrepairable_tests(evidence.failures, ran, modules, context.snapshot(state))


def _source_texts(state: RepairState, context: RunContext) -> Iterator[tuple[str, str]]:
    for path in context.snapshot(state).python_files():
        text = context.source_text(state, path)
        if text is not None:
            yield path, text


def _covered(
    evidence: BaselineEvidence, state: RepairState, context: RunContext
) -> tuple[Spectrum, CoverageReport]:
    """Which lines the failing tests ran, and the passing ones nearby; the report of the former."""
    failing, passing = _telling(evidence), _passing_nearby(evidence)
    text = f"recording which lines {len(failing)} failing and {len(passing)} passing tests run"
    context.listen(Progress(text=text))
    with ThreadPoolExecutor(2) as pool:
        slow = hang_seconds(evidence)
        failed = pool.submit(_collect, failing, state, context, WHOLE_SECONDS, slow)
        passed = (
            pool.submit(_collect, passing, state, context, PASSING_WHOLE_SECONDS, TEST_SECONDS)
            if passing
            else None
        )
    counted = spectrum(
        _with_imports(failed.result()), passed.result().lines.values() if passed else ()
    )
    return counted, failed.result()


def _whole_project(state: RepairState, context: RunContext) -> Spectrum:
    """A command that is no test runner says nothing about lines: any may have run, and the
    traceback and the words decide."""
    everything: dict[str, list[int]] = {}
    for path in context.snapshot(state).python_files():
        text = context.source_text(state, path)
        if text is not None:
            everything[path] = statement_lines(text)
    return spectrum([everything], [])


def _telling(evidence: BaselineEvidence) -> list[str]:
    """Failing tests whose lines are worth recording; a few of those that hang."""
    hang = [t for t in evidence.baseline.failing if hangs(evidence, t)]
    others = [t for t in evidence.baseline.failing if t not in hang]
    return [*others, *hang[:HANGING_TESTS]][:FAILING_TESTS]


def _collect(
    tests: Sequence[str],
    state: RepairState,
    context: RunContext,
    whole_seconds: float,
    test_seconds: float,
) -> CoverageReport:
    project = context.prepared(state).project
    python_files = context.snapshot(state).python_files()
    with context.open(state) as session:
        return collect(
            session,
            context.pytest_setup(state),
            context.pytest_ids(state, tests),
            sources=["."],
            excluded=[path for path in python_files if project.is_test_path(path)],
            timeout_seconds=whole_seconds,
            test_timeout_seconds=test_seconds,
        )


def _passing_nearby(evidence: BaselineEvidence) -> list[str]:
    """Passing tests of the failing tests' files first, then the others, as time allows."""
    files = {test_id.partition("::")[0] for test_id in evidence.baseline.failing}
    ordered = sorted(
        evidence.baseline.passing, key=lambda test_id: test_id.partition("::")[0] not in files
    )
    chosen, total = [], 0.0
    for test_id in ordered:
        total += evidence.seconds.get(test_id, 0.01) + 0.002
        if total > PASSING_SECONDS:
            break
        chosen.append(test_id)
    return chosen


def _with_imports(report: CoverageReport) -> list[Coverage]:
    """Failing coverage; what ran at import counts when nothing else did (a broken import)."""
    covered: list[Coverage] = [lines for lines in report.lines.values() if any(lines.values())]
    if covered:
        return covered
    imported: Mapping[str, Iterable[int]] = report.imported
    return [imported] if imported else []
