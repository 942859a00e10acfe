"""Canary tests beside the real ones: one must pass, one must fail, whatever a patch does."""

from __future__ import annotations

from sandbox.languages.base import Canary
from sandbox.runners.base import Outcome, TestReport


def canary_objections(canary: Canary, report: TestReport) -> tuple[str, ...]:
    """Why a report cannot be believed; empty when both tests ended as they must."""
    expectations = {
        canary.must_fail: ("fail", Outcome.FAILED),
        canary.must_pass: ("pass", Outcome.PASSED),
    }
    results = {test_id: report.results.get(test_id) for test_id in expectations}
    return tuple(
        f"the canary, a test that must {word}, is reported as "
        f"{'missing' if result is None else result.outcome.value}"
        for test_id, (word, outcome) in expectations.items()
        if (result := results[test_id]) is None or result.outcome is not outcome
    )
