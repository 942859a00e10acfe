"""Repeated runs of the failing tests, with and without the patch, to find flaky ones.

A test that passes one time in five fails three times in a row in half of all cases, and whatever
patch is at hand when it passes looks like its repair. Each run is a process in a session of its
own, so that neither a seed nor a file that an earlier run left decides.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from agent.baseline.evidence import hangs
from agent.patches.changes import FileChange
from agent.validation.test_outcomes import not_passed, outcomes
from agent.validation.validation_context import ValidationContext, apply_changes

MAX_RUNS = 5
MIN_RUNS = 2
MAX_REPETITION_SECONDS = 60.0
"""Runs over `MIN_RUNS` are taken while all of them, start-up included, need less than this."""
MAX_TIME_SHARE = 0.1
"""Of the time that is left to the repair, for them: other failing tests may wait."""
MAX_PARALLEL_RUNS = 2
REPEATED = "the failing tests were repeated "
"""How a caution of fewer runs begins."""


@dataclass(frozen=True, kw_only=True)
class Repetition:
    """How often each test passed in repeated runs."""

    runs: int
    passes: Mapping[str, int]
    planned: int = 0
    """Runs there would have been, had each not taken so long; 0 where none was planned."""

    @property
    def shortfall(self) -> str:
        """A sentence where fewer runs were made than planned; empty otherwise."""
        if self.runs >= self.planned:
            return ""
        return (
            f"{REPEATED}{self.runs} times instead of {self.planned}, as each run took long: this "
            "shows less of whether they depend on chance"
        )

    @property
    def sometimes(self) -> tuple[str, ...]:
        """Tests that passed at least once."""
        return tuple(test_id for test_id, count in self.passes.items() if count)

    @property
    def not_always(self) -> tuple[str, ...]:
        """Tests that failed at least once."""
        return tuple(test_id for test_id, count in self.passes.items() if count < self.runs)


def cautions_of_runs(unchanged: Repetition, patched: Repetition) -> tuple[str, ...]:
    """What a reader is told where one of the two had fewer runs than planned."""
    fewest = unchanged if 0 < unchanged.runs < patched.runs else patched
    return (fewest.shortfall,) if fewest.shortfall else ()


def repeat_unchanged(validation: ValidationContext, seconds_left: float = math.inf) -> Repetition:
    """Run the failing tests repeatedly on the base. Those that hang there, or whose file cannot be
    collected, are left out: another run would say the same. Of `seconds_left` a share is used, and
    what `MIN_RUNS` need beyond."""
    tests = [
        test_id
        for test_id in validation.fail_to_pass
        if test_id not in validation.evidence.uncollected
        and not hangs(validation.evidence, test_id)
    ]
    return _repeat(validation, {}, tests, tests, seconds_left)


def repeat_patched(
    validation: ValidationContext,
    changes: Mapping[str, FileChange],
    seconds_left: float = math.inf,
) -> Repetition:
    """Run the failing tests repeatedly with the patch: by themselves, and where one never passes
    so, because it depends on another, among all. One that was seen to pass only now and then is
    not given another chance by that: of the others nothing is said then."""
    tests = validation.fail_to_pass
    repetition = _repeat(validation, changes, tests, tests, seconds_left)
    unsteady_passes = {t: n for t, n in repetition.passes.items() if 0 < n < repetition.runs}
    if unsteady_passes:
        return replace(repetition, passes=unsteady_passes)
    if all(repetition.passes.values()):
        return repetition
    return _repeat(validation, changes, tests, validation.wanted, seconds_left)


def fails_nothing(validation: ValidationContext, changes: Mapping[str, FileChange]) -> bool:
    """Whether every failing test passes with these changes in one run of them: no verdict."""
    tests = validation.fail_to_pass
    with validation.open_session() as session:
        apply_changes(session, changes)
        report = validation.run(session, list(tests))
    return not not_passed(outcomes(report, tests, validation.evidence.uncollected))


def _repeat(
    validation: ValidationContext,
    changes: Mapping[str, FileChange],
    counted: Sequence[str],
    tests: Sequence[str],
    seconds_left: float,
) -> Repetition:
    if not counted:
        return Repetition(runs=0, passes={})
    seconds = sum(validation.evidence.seconds.get(test_id, 1.0) for test_id in tests)
    run_count = max(MIN_RUNS, min(MAX_RUNS, int(MAX_REPETITION_SECONDS / max(seconds, 0.1))))

    def failed(number: int) -> frozenset[str]:
        with validation.open_session() as session:
            apply_changes(session, changes)
            in_turn = tests if number % 2 or tests is not counted else tests[::-1]
            report = validation.run(session, list(in_turn))
        return frozenset(not_passed(outcomes(report, counted, validation.evidence.uncollected)))

    failures = _while_time(failed, run_count, seconds_left)
    passes = {test_id: sum(test_id not in red for red in failures) for test_id in counted}
    return Repetition(runs=len(failures), passes=passes, planned=run_count)


def _while_time(
    failed: Callable[[int], frozenset[str]], planned: int, seconds_left: float
) -> list[frozenset[str]]:
    """What failed in each run: so many as planned, or those for which there is time, judged by the
    wall time of the first ones: a run is more than its tests."""
    began = time.monotonic()
    limit = min(MAX_REPETITION_SECONDS, MAX_TIME_SHARE * seconds_left)
    failures: list[frozenset[str]] = []
    with ThreadPoolExecutor(MAX_PARALLEL_RUNS) as pool:
        while len(failures) < planned:
            elapsed_seconds = time.monotonic() - began
            round_seconds = elapsed_seconds * MAX_PARALLEL_RUNS / max(1, len(failures))
            if len(failures) >= MIN_RUNS and elapsed_seconds + round_seconds > limit:
                break
            last = min(planned, len(failures) + MAX_PARALLEL_RUNS)
            failures += pool.map(failed, range(len(failures), last))
    return failures
