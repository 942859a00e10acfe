"""A run of all tests that does not come to its end is held against the base under the same run."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from agent.baseline.evidence import BaselineEvidence
from agent.records import Baseline, Verdict
from agent.validation import validator
from agent.validation.control_run import Control
from sandbox.runners.base import Outcome, TestReport, TestResult

PASSES = {t: TestResult(test_id=t, outcome=Outcome.PASSED) for t in ("failing", "passing")}


def report(*, finished: bool) -> TestReport:
    command: Any = SimpleNamespace(timed_out=not finished)
    return TestReport(results=PASSES if finished else {}, finished=finished, command=command)


def verdict(
    monkeypatch: pytest.MonkeyPatch, *, base_is_slow: bool, patch_hangs: bool
) -> tuple[Verdict, list[str]]:
    """A machine on which the first run with the patch is cut off."""
    baseline = Baseline(failing=("failing",), passing=("passing",))
    control, runs = Control(), list[str]()

    def run(_session: object, _tests: object) -> TestReport:
        runs.append(f"base x{control.patience:g}")
        return report(finished=not base_is_slow or control.patience > 1)

    def main_run(*_: object) -> tuple[TestReport, tuple[str, ...]]:
        runs.append(f"patch x{control.patience:g}")
        is_over = control.patience > 1 and not patch_hangs
        return report(finished=is_over), () if is_over else ("the test run was cut off",)

    monkeypatch.setattr(validator, "_main_run", main_run)
    validation: Any = SimpleNamespace(
        control=control,
        evidence=BaselineEvidence(baseline=baseline, failures={}, order=()),
        fail_to_pass=baseline.failing,
        pass_to_pass=baseline.passing,
        quiet=(),
        wanted=["failing", "passing"],
        open_session=lambda: nullcontext(),
        run=run,
    )
    return validator._by_tests({}, validation), runs


def test_a_busy_machine_is_no_objection(monkeypatch: pytest.MonkeyPatch) -> None:
    judged, runs = verdict(monkeypatch, base_is_slow=True, patch_hangs=False)
    assert judged.plausible, judged.objections
    assert runs == ["patch x1", "base x1", "base x4", "patch x4"]


def test_a_patch_that_hangs_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    judged, runs = verdict(monkeypatch, base_is_slow=False, patch_hangs=True)
    assert not judged.plausible
    assert runs == ["patch x1", "base x1"], "the base was in time: it is the patch"
    judged, runs = verdict(monkeypatch, base_is_slow=True, patch_hangs=True)
    assert not judged.plausible
