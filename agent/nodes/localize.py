"""localize: which lines may hold the fault."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agent.baseline import BaselineEvidence
from agent.events import Localized, Progress
from agent.job import SuspiciousLine
from agent.localize.ranking import Failure, rank
from agent.localize.spectrum import Coverage, spectrum
from agent.proposers.search.context import words_of_code
from agent.records import plain, restore
from agent.state import RepairState
from agent.workbench import Workbench
from sandbox.runners.coverage import CoverageReport, collect

KEPT_LINES = 3_000
FAILING_TESTS = 40
"""Failing tests whose coverage is taken; more say nothing new."""
PASSING_SECONDS = 20.0
"""Passing tests are taken that need about this long together without coverage."""
TEST_SECONDS = 20.0
WHOLE_SECONDS = 240.0


def localize(state: RepairState, bench: Workbench) -> dict[str, Any]:
    ranking = suspicious_lines(state, bench)
    bench.listen(Localized(lines=ranking[:20]))
    first = ranking[0] if ranking else None
    where = f", first {first.path}:{first.line}" if first else ""
    return {
        "suspicious": [plain(line) for line in ranking[:KEPT_LINES]],
        "summary": f"{len(ranking)} suspicious lines{where}",
    }


def suspicious_lines(state: RepairState, bench: Workbench) -> tuple[SuspiciousLine, ...]:
    """Rank the project's statements by coverage, traceback and words."""
    evidence = restore(BaselineEvidence, state["evidence"])
    failing = evidence.baseline.failing[:FAILING_TESTS]
    bench.listen(Progress(text="recording which lines the failing tests run"))
    failed = _collect(failing, state, bench)
    passing = _passing_nearby(failed, evidence)
    bench.listen(Progress(text=f"recording which lines {len(passing)} passing tests run"))
    passed = _collect(passing, state, bench) if passing else None
    failure = Failure(
        results=tuple(evidence.failures.values()),
        test_words=words_of_code(bench.failing_sources(state)).names,
        problem_statement=bench.job.problem_statement or "",
    )
    return rank(
        spectrum(_with_imports(failed), passed.lines.values() if passed else ()),
        failure,
        lambda path: bench.source_text(state, path),
    )


def _collect(tests: Iterable[str], state: RepairState, bench: Workbench) -> CoverageReport:
    project = bench.prepared(state).project
    python_files = bench.snapshot(state).python_files()
    with bench.open(state) as session:
        return collect(
            session,
            bench.pytest_setup(state),
            list(tests),
            sources=["."],
            excluded=[path for path in python_files if project.is_test_path(path)],
            timeout_seconds=WHOLE_SECONDS,
            test_timeout_seconds=TEST_SECONDS,
        )


def _passing_nearby(failed: CoverageReport, evidence: BaselineEvidence) -> list[str]:
    """Passing tests of the failing tests' files first, then the others, as time allows."""
    files = {test_id.partition("::")[0] for test_id in failed.lines}
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
