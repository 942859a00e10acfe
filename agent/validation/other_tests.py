"""Failing tests that a patch was not asked to make pass: whether they pass with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agent.patches.changes import FileChange
from agent.validation.test_outcomes import not_passed, outcomes
from agent.validation.validation_context import ValidationContext, apply_changes


def passing_with(
    validation: ValidationContext, changes: Mapping[str, FileChange], tests: Sequence[str]
) -> frozenset[str]:
    """Those of the tests that pass with the patch, by themselves: no verdict. What could not be
    collected has a run of its own, for it may end the run of all others."""
    uncollected_tests = [test_id for test_id in tests if test_id in validation.evidence.uncollected]
    collected_tests = [test_id for test_id in tests if test_id not in uncollected_tests]
    return frozenset[str]().union(
        *(
            _passing(validation, changes, batch)
            for batch in (collected_tests, uncollected_tests)
            if batch
        )
    )


def _passing(
    validation: ValidationContext, changes: Mapping[str, FileChange], tests: Sequence[str]
) -> frozenset[str]:
    with validation.open_session() as session:
        apply_changes(session, changes)
        report = validation.run(session, validation.in_order(tests))
    test_outcomes = outcomes(report, tests, validation.evidence.uncollected)
    return frozenset(tests) - frozenset(not_passed(test_outcomes))
