"""Repeated runs of the failing tests, with and without the patch, to find flaky ones.

A test that passes one time in five fails three times in a row in half of all cases, and whatever
patch is at hand when it passes looks like its repair. Each run is a process in a session of its
own, so that neither a seed nor a file that an earlier run left decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from agent.baseline.evidence import hangs
from agent.patches.changes import FileChange
from agent.validation.test_outcomes import not_passed, outcomes
from agent.validation.validation_context import ValidationContext, apply_changes

MAX_RUNS = 5
MIN_RUNS = 2
MAX_REPETITION_SECONDS = 60.0
"""Runs over `MIN_RUNS` are taken while the tests of all of them need less than this."""
MAX_PARALLEL_RUNS = 2


@dataclass(frozen=True, kw_only=True)
class Repetition:
    """How often each test passed in repeated runs."""

    runs: int
    passes: Mapping[str, int]

    @property
    def sometimes(self) -> tuple[str, ...]:
        """Tests that passed at least once."""
        return tuple(test_id for test_id, count in self.passes.items() if count)

    @property
    def not_always(self) -> tuple[str, ...]:
        """Tests that failed at least once."""
        return tuple(test_id for test_id, count in self.passes.items() if count < self.runs)


def repeat_unchanged(validation: ValidationContext) -> Repetition:
    """Run the failing tests repeatedly on the base. Those that hang there, or whose file cannot be
    collected, are left out: another run would say the same."""
    tests = [
        test_id
        for test_id in validation.fail_to_pass
        if test_id not in validation.evidence.uncollected
        and not hangs(validation.evidence, test_id)
    ]
    return _repeat(validation, {}, tests, tests)


def repeat_patched(validation: ValidationContext, changes: Mapping[str, FileChange]) -> Repetition:
    """Run the failing tests repeatedly with the patch: by themselves, and where one never passes
    so, because it depends on another, among all."""
    tests = validation.fail_to_pass
    repetition = _repeat(validation, changes, tests, tests)
    if all(repetition.passes.values()):
        return repetition
    return _repeat(validation, changes, tests, validation.wanted)


def _repeat(
    validation: ValidationContext,
    changes: Mapping[str, FileChange],
    counted: Sequence[str],
    tests: Sequence[str],
) -> Repetition:
    if not counted:
        return Repetition(runs=0, passes={})
    seconds = sum(validation.evidence.seconds.get(test_id, 1.0) for test_id in tests)
    runs = max(MIN_RUNS, min(MAX_RUNS, int(MAX_REPETITION_SECONDS / max(seconds, 0.1))))

    def failed(number: int) -> frozenset[str]:
        with validation.open_session() as session:
            apply_changes(session, changes)
            in_turn = tests if number % 2 or tests is not counted else tests[::-1]
            report = validation.run(session, list(in_turn))
        return frozenset(not_passed(outcomes(report, counted, validation.evidence.uncollected)))

    with ThreadPoolExecutor(MAX_PARALLEL_RUNS) as pool:
        failures = list(pool.map(failed, range(runs)))
    return Repetition(
        runs=runs,
        passes={
            test_id: sum(test_id not in failed_tests for failed_tests in failures)
            for test_id in counted
        },
    )
