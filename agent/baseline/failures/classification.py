"""The tests of one run by what they say: failing, passing, skipped, or broken by the machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from agent.baseline.failures.causes import Causes
from agent.baseline.failures.configuration_errors import shared_configuration_error
from agent.baseline.failures.environment_failures import (
    Cause,
    EnvironmentFailure,
    last_line,
)
from sandbox.runners.base import FAILING, Outcome, TestReport, TestResult
from sandbox.runners.test_ids import is_selected

Explain = Callable[[TestResult], EnvironmentFailure | None]
"""Says of a failing test which file of the project is missing, see `missing_files`."""

WHOLE_RUN = "the whole test run"
"""Stands for a test where pytest could not even begin to collect: `pytest.exit` in a hook, say."""
NOT_RUN = frozenset({Outcome.SKIPPED, Outcome.XFAILED})


@dataclass
class TestClassification:
    """The tests of a run; later runs move some of them."""

    __test__ = False

    failures: dict[str, TestResult] = field(default_factory=dict)
    uncollected: list[str] = field(default_factory=list)
    broken: dict[str, EnvironmentFailure] = field(default_factory=dict)
    passing: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    flaky: dict[str, bool] = field(default_factory=dict)
    """Test → whether it passed in every rerun (which points at the order of the tests)."""
    blocked: dict[str, str] = field(default_factory=dict)
    """Failing test that no patch can be judged by → why."""
    unasked: list[str] = field(default_factory=list)
    """Failing tests of the whole run that nobody asked for."""
    settled_seconds: dict[str, float] = field(default_factory=dict)
    """Slow test → how long it took when it was given the time."""

    @property
    def failing(self) -> tuple[str, ...]:
        """Tests that a repair has to make pass."""
        exclusions = self.flaky.keys() | self.blocked.keys()
        return tuple(test_id for test_id in self.failures if test_id not in exclusions)


@dataclass(frozen=True)
class Project:
    """What tells a failure of the project from one of its surroundings."""

    causes: Causes
    explain: Explain = lambda _: None


def classify(report: TestReport, project: Project, workspace: str) -> TestClassification:
    """Sort the results of a run. `workspace` is the folder that tracebacks name, with a slash."""
    outcomes = TestClassification()
    for path, raw in report.collection_errors.items():
        _uncollected(path, raw.replace(workspace, ""), project, outcomes)
    for test_id, result in report.results.items():
        if result.outcome in FAILING:
            breakage = project.causes.of_failure(result)
            if breakage is not None:
                outcomes.broken[test_id] = breakage
            else:
                outcomes.failures[test_id] = result
        elif result.outcome in NOT_RUN:
            outcomes.skipped.append(test_id)
        else:
            outcomes.passing.append(test_id)
    _set_aside_shared(outcomes, project.explain, workspace)
    return outcomes


def _set_aside_shared(classified: TestClassification, explain: Explain, workspace: str) -> None:
    """A file or a setting for want of which tests fail is no bug to repair."""
    for test_id, result in classified.failures.items():
        relative = replace(result, message=result.message.replace(workspace, ""))
        if failure := explain(relative):
            classified.broken[test_id] = failure
    classified.broken |= shared_configuration_error(
        classified.failures, len(classified.uncollected), len(classified.passing)
    )
    breakages = classified.broken
    classified.failures = {t: r for t, r in classified.failures.items() if t not in breakages}
    classified.uncollected = [path for path in classified.uncollected if path not in breakages]


def _uncollected(path: str, text: str, project: Project, classified: TestClassification) -> None:
    breakage = project.causes.of_collection(path, text)
    if not path:  # pytest's own root: no file is at fault, and no other test can have run
        path = WHOLE_RUN
        breakage = breakage or EnvironmentFailure(
            Cause.BROKEN_TEST, f"the test run ends before its first test ({last_line(text)[:200]})"
        )
    if breakage is not None:
        classified.broken[path] = breakage
        return
    classified.uncollected.append(path)
    classified.failures[path] = TestResult(
        test_id=path, outcome=Outcome.ERROR, message=last_line(text)[:500], details=text
    )


def restrict(classified: TestClassification, only: Sequence[str]) -> None:
    """Keep the failures that were asked for; a file or class stands for what is in it."""
    for path in classified.uncollected:
        if not is_selected(path, only):
            message = classified.failures[path].message[:200]
            classified.broken[path] = EnvironmentFailure(
                Cause.BROKEN_TEST, f"it cannot be collected ({message})"
            )
    classified.failures = {t: r for t, r in classified.failures.items() if is_selected(t, only)}
    classified.uncollected = [
        path for path in classified.uncollected if path in classified.failures
    ]


def with_others(
    named: TestClassification, everything: TestClassification, only: Sequence[str]
) -> TestClassification:
    """The named tests as they ended by themselves, beside all others of a whole run.

    A named test that ends otherwise in the whole run depends on the others: it is flaky.
    """
    unasked_tests = [test_id for test_id in everything.failures if not is_selected(test_id, only)]
    restrict(everything, only)
    flaky = {**named.flaky, **{t: True for t in everything.failures if t not in named.failures}}
    flaky |= {test_id: False for test_id in named.failures if test_id in everything.passing}
    return replace(
        everything,
        failures=named.failures,
        uncollected=named.uncollected,
        broken={**named.broken, **everything.broken},
        passing=[test_id for test_id in everything.passing if test_id not in flaky],
        flaky=flaky,
        unasked=unasked_tests,
        settled_seconds=named.settled_seconds,
    )
