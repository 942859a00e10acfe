"""The baseline: outcomes of the tests on the unchanged base, as failing, passing, flaky or broken.

One whole run, then short runs of the failing tests alone in fresh sessions, one of them in
reverse order. Nothing is repaired that also passes unchanged. Where tests were named, those run
first: when none of them fails there is nothing to guard, and the others need not run.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from agent.baseline.ending import ending_of
from agent.baseline.evidence import BaselineEvidence
from agent.baseline.failures.causes import Causes, PythonCauses
from agent.baseline.failures.classification import (
    Explain,
    Project,
    TestClassification,
    classify,
    restrict,
    with_others,
)
from agent.baseline.failures.environment_failures import outgrown_pytest
from agent.baseline.reruns import block_waiting, run_again, settle_slow
from agent.baseline.test_runs import BaselineLimits, OpenSession, TestRuns
from agent.records import Baseline
from sandbox.runners.base import TestReport, TestRunner

GUARD_SHARE = 0.5
"""Of the time that is left, for the other tests where some were named."""


@dataclass(frozen=True)
class _Taken:
    """What was run, and what came of it."""

    report: TestReport
    classified: TestClassification
    seconds: float
    """Of the run of all tests, or of the named ones where no other ran."""


def take_baseline(
    open_session: OpenSession,
    runner: TestRunner,
    *,
    modules: Collection[str],
    is_test_path: Callable[[str], bool],
    causes: Causes | None = None,
    explain: Explain = lambda _: None,
    only: Sequence[str] = (),
    limits: BaselineLimits | None = None,
    seconds_left: Callable[[], float] = lambda: math.inf,
    say: Callable[[str], None] = lambda _: None,
) -> BaselineEvidence:
    """Run the tests until each is failing, passing, flaky or set aside.

    `modules` are the top-level modules the project itself provides: an import of anything
    else that fails is the environment's fault. `causes` says so in another language than
    Python. `explain` knows more of such faults. `only`
    restricts what is repaired; the other tests still guard against regressions. When
    `seconds_left` is over, what is known then is the evidence. `say` hears how far it is.
    Sandbox errors pass through.
    """
    runs = TestRuns(open_session, runner, limits or BaselineLimits(), seconds_left, say)
    project = Project(causes or PythonCauses(frozenset(modules), is_test_path), explain)
    run = _first_run(runs, project, only)
    outcomes = run.classified
    passed_seconds = [run.report.results[test_id].seconds for test_id in outcomes.passing]
    settle_slow(runs, outcomes, passed_seconds)
    run_again(runs, outcomes, run.report)
    if only:
        outcomes.blocked.clear()  # whoever names a test wants it repaired
        if outcomes.failing:
            run = _guarded(runs, project, only, run)
    else:
        block_waiting(outcomes)
    return _evidence(run, only, modules)


def _first_run(runs: TestRuns, project: Project, only: Sequence[str]) -> _Taken:
    """The tests that were named, or all."""
    began = time.monotonic()
    activity = "running the named tests" if only else "running the tests"
    report, workspace = runs.run(list(only) or None, activity)
    outcomes = classify(report, project, workspace)
    if only:
        restrict(outcomes, only)
    return _Taken(report, outcomes, time.monotonic() - began)


def _guarded(runs: TestRuns, project: Project, only: Sequence[str], named: _Taken) -> _Taken:
    """The named tests, which fail, and all others beside them: these guard what passes."""
    began = time.monotonic()
    report, workspace = runs.run(None, "running the other tests", share=GUARD_SHARE)
    outcomes = with_others(named.classified, classify(report, project, workspace), only)
    failures = {t: named.report.results[t] for t in outcomes.failures if t in named.report.results}
    whole_report = replace(report, results={**report.results, **failures})
    return _Taken(whole_report, outcomes, time.monotonic() - began)


def _evidence(taken: _Taken, only: Sequence[str], modules: Collection[str]) -> BaselineEvidence:
    report, outcomes = taken.report, taken.classified
    failing_tests = outcomes.failing
    ending, reason = ending_of(report, outcomes, only, modules)
    causes = {name: breakage.sentence for name, breakage in outcomes.broken.items()}
    return BaselineEvidence(
        baseline=Baseline(
            failing=failing_tests,
            passing=tuple(outcomes.passing),
            flaky=tuple(outcomes.flaky),
            skipped=tuple(outcomes.skipped),
            set_aside={**causes, **outcomes.blocked},
            seconds=taken.seconds,
        ),
        failures={test_id: outcomes.failures[test_id] for test_id in failing_tests},
        seconds={
            **{test_id: result.seconds for test_id, result in report.results.items()},
            **outcomes.settled_seconds,
        },
        unasked=tuple(outcomes.unasked),
        order=tuple(report.results),
        uncollected=tuple(path for path in outcomes.uncollected if path in failing_tests),
        order_dependent=tuple(test_id for test_id, always in outcomes.flaky.items() if always),
        not_run=max(0, (report.collected or 0) - len(report.results)),
        examples=report.examples,
        outgrown_pytest=outgrown_pytest(report),
        ending=ending,
        reason=reason,
    )
