"""Puts the search together from what the graph knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from agent.baseline.evidence import BaselineEvidence, fails_alike, hang_seconds
from agent.baseline.test_selection import nearest_passing
from agent.events import Progress, Warned
from agent.graph.context.run_context import RunContext
from agent.graph.state import RepairState
from agent.proposers.search.journal import Journal
from agent.proposers.search.search import Search
from agent.proposers.search.search_setup import (
    MAX_REGRESSION_SECONDS,
    TEST_SECONDS,
    evaluator_settings,
    make_frontier,
    make_synthesis,
    representatives,
)
from agent.proposers.search.token_edits.edits import TokenFamily, token_frontier
from agent.proposers.search.token_edits.go import FAMILY as GO
from agent.proposers.search.token_edits.javascript import FAMILY as JAVASCRIPT
from agent.proposers.search.token_edits.rust import FAMILY as RUST
from agent.records import PlausiblePatch, SuspiciousLine
from agent.serialization import restore
from agent.validation.test_outcomes import outcomes
from sandbox.evaluation.rerun import RerunEvaluator, RerunSettings
from sandbox.languages.go.detection.project import GoProject
from sandbox.languages.javascript.detection.project import JavaScriptProject
from sandbox.languages.javascript.runners.runner import JavaScriptRunner
from sandbox.languages.python.detection.test_setup import RunnerKind
from sandbox.languages.python.forking_evaluator import ForkingEvaluator
from sandbox.languages.python.runners.pytest import PytestRunner
from sandbox.languages.rust.detection.project import RustProject

COLLECT_SECONDS = 120.0
"""For collecting once: this, and COLLECT_SHARE of the first run of all tests, which did it, too."""
COLLECT_SHARE = 2.0
MIN_LOOP_SECONDS = 2.0
_FAMILIES: Mapping[type, TokenFamily] = {
    JavaScriptProject: JAVASCRIPT,
    GoProject: GO,
    RustProject: RUST,
}
LOOP_FACTOR = 10.0


def make_search(state: RepairState, context: RunContext) -> Search:
    evidence = restore(BaselineEvidence, state["evidence"])
    preparation = context.prepared(state)
    if preparation.python is None:
        return _by_tokens(evidence, state, context)
    targets = representatives(evidence.failures, evidence.seconds)
    evaluator: ForkingEvaluator | RerunEvaluator
    target_count = len(targets)
    synthesise = None
    pytest_targets = preparation.pytest_ids(targets)
    if not pytest_runs(targets, evidence, state, context):
        context.listen(
            Warned(text="the test command runs as a whole for every candidate: this is slow")
        )
        evaluator = _rerun(evidence, state, context)
        target_count = len(evidence.baseline.failing)
    else:
        evaluator = _forking(evidence, state, context)
        first = pytest_targets[0]
        passing_ids = preparation.pytest_ids(evidence.baseline.passing)
        synthesise = make_synthesis(
            evaluator,
            preparation.snapshot,
            first,
            nearest_passing([first], passing_ids, {}, budget_seconds=MAX_REGRESSION_SECONDS),
            context.failed_operators,
        )
    frontier = make_frontier(
        [restore(SuspiciousLine, line) for line in state["suspicious"]],
        preparation.snapshot,
        is_source=preparation.is_source,
        tests=context.failing_sources(state),
        message="\n".join(failure.message for failure in evidence.failures.values()),
        failed=context.failed_operators,
        model=context.model.open if context.model.ranks else None,
    )
    if isinstance(evaluator, ForkingEvaluator):
        evaluator.wait_ready(COLLECT_SECONDS + COLLECT_SHARE * evidence.baseline.seconds)
    return Search(
        evaluator=evaluator,
        frontier=frontier,
        journal=_journal(state, context),
        targets=target_count,
        listen=context.listen,
        synthesise=synthesise,
    )


def _by_tokens(evidence: BaselineEvidence, state: RepairState, context: RunContext) -> Search:
    """Edits by tokens, each tried in processes of its own: first by some of the failing tests."""
    first = representatives(evidence.failures, evidence.seconds)
    return Search(
        evaluator=_rerun(
            evidence, state, context, first=first, test_seconds=_loop_seconds(evidence)
        ),
        frontier=token_frontier(
            _FAMILIES[type(context.prepared(state).project)],
            [restore(SuspiciousLine, line) for line in state["suspicious"]],
            context.prepared(state).source_text,
            "\n".join(failure.details for failure in evidence.failures.values()),
            context.failed_operators,
        ),
        journal=_journal(state, context),
        targets=len(evidence.baseline.failing),
        listen=context.listen,
    )


def _loop_seconds(evidence: BaselineEvidence) -> float:
    """After which a test is taken to be in a loop that some edit made endless."""
    slowest = max(evidence.seconds.values(), default=0.0)
    return min(TEST_SECONDS, hang_seconds(evidence), max(MIN_LOOP_SECONDS, LOOP_FACTOR * slowest))


def _journal(state: RepairState, context: RunContext) -> Journal:
    """What was tried, with what passed."""
    journal = Journal(context.folder.journal)
    for patch in state.get("plausible", []):
        journal.add(restore(PlausiblePatch, patch).candidate.edits)
    return journal


def pytest_runs(
    targets: Sequence[str], evidence: BaselineEvidence, state: RepairState, context: RunContext
) -> bool:
    """Whether pytest runs these failing tests, and they fail in it as in the project's own
    runner: only then can candidates be tried in forks of it."""
    preparation = context.prepared(state)
    names = {test_id: preparation.pytest_ids([test_id]) for test_id in targets}
    runner = preparation.project.runner
    if runner is not RunnerKind.UNITTEST or not all(names.values()):
        return runner is RunnerKind.PYTEST
    with context.open(state) as session:
        report = PytestRunner(preparation.pytest_setup).run(
            session,
            [name for group in names.values() for name in group],
            timeout_seconds=COLLECT_SECONDS,
            test_timeout_seconds=hang_seconds(evidence),
        )
    return all(
        group[0] in report.collection_errors
        if test_id in evidence.uncollected
        else fails_alike(evidence.failures.get(test_id), report.results.get(group[0]))
        for test_id, group in names.items()
    )


def _forking(
    evidence: BaselineEvidence, state: RepairState, context: RunContext
) -> ForkingEvaluator:
    """Imports and collects once, forks for each candidate."""
    preparation = context.prepared(state)
    workers = context.sandboxes.workers
    context.listen(Progress(text="collecting the tests once for all candidates"))
    return ForkingEvaluator(
        context.open(state),
        evaluator_settings(evidence, preparation.pytest_setup, workers, preparation.pytest_ids),
    )


def _rerun(
    evidence: BaselineEvidence,
    state: RepairState,
    context: RunContext,
    *,
    first: Sequence[str] = (),
    test_seconds: float | None = None,
) -> RerunEvaluator:
    """Runs the tests anew for each candidate, those in `first` before all others."""
    preparation = context.prepared(state)
    runner = preparation.runner
    settings = RerunSettings(
        runner=runner,
        targets=evidence.baseline.failing,
        regressions=evidence.baseline.passing,
        timeout_seconds=TEST_SECONDS + 3 * evidence.baseline.seconds,
        read=preparation.snapshot.text,
        outcomes=partial(outcomes, containers=evidence.uncollected),
        first=first,
        resident=runner.resident if isinstance(runner, JavaScriptRunner) else None,
        test_seconds=test_seconds,
    )
    return RerunEvaluator(lambda: context.open(state), settings, context.sandboxes.workers)
