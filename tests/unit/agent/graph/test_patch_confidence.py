"""Measuring how sure a patch is costs no repair, whatever happens meanwhile."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from agent.graph import patch_confidence as subject
from agent.graph.patch_confidence import LEFT_SECONDS, with_confidence, with_strength
from agent.records import CandidatePatch, Confidence, PlausiblePatch, Verdict
from agent.validation.differential.calls.common_calls import CommonCalls
from agent.validation.language_traits import LanguageTraits
from agent.validation.test_strength import TestStrength
from sandbox.errors import (
    DiskFull,
    EngineLost,
    LimitNotEnforced,
    SandboxDied,
    SandboxUnavailable,
)

VALIDATION: Any = SimpleNamespace(
    language=LanguageTraits(),
    remote_calls=SimpleNamespace(split_run=None, guards=()),
    fail_to_pass=("t",),
    pytest_names={"t": "t"},
    evidence=SimpleNamespace(seconds={"t": 0.1}),
)
MACHINE = [
    DiskFull("full"),
    SandboxUnavailable("none"),
    LimitNotEnforced("memory"),
    EngineLost("gone"),
    OSError("no file"),
    MemoryError(),
]


def patch(**more: Any) -> PlausiblePatch:
    candidate = CandidatePatch(edits=(), proposer="search", operator="o", description="p")
    verdict = Verdict(plausible=True, fail_to_pass={"t": "passed"}, pass_to_pass={})
    return PlausiblePatch(candidate=candidate, diff="", verdict=verdict, **more)


def context(left: float = 100.0, *, stopped: bool = False, overdue: bool = False) -> Any:
    stop, over = threading.Event(), threading.Event()
    for event, is_set in ((stop, stopped), (over, overdue)):
        if is_set:
            event.set()
    prepared = SimpleNamespace(changed_files=lambda _: {})
    return SimpleNamespace(
        seconds_left=lambda: left,
        listen=lambda _: None,
        stop=stop,
        overdue=over,
        cut_off=stopped or overdue,
        prepared=lambda _: prepared,
        failing_sources=lambda _: (),
    )


def raising(error: BaseException) -> Any:
    def fail(*_: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize("error", MACHINE, ids=lambda error: type(error).__name__)
def test_a_machine_that_fails_leaves_the_patch_without_a_figure(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(subject, "common_calls", raising(error))
    assert with_confidence([patch()], VALIDATION, {}, context()) == [patch()]


def test_answers_that_cannot_be_read_do_so_too(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = CommonCalls(calls=("f()",), base=("returned 1",), patches=(("raised {",),))
    monkeypatch.setattr(subject, "common_calls", lambda *_: broken)
    assert with_confidence([patch()], VALIDATION, {}, context()) == [patch()]


@pytest.mark.parametrize("error", [SandboxDied("died"), RecursionError(), SyntaxError()])
def test_code_that_ends_its_sandbox_gains_nothing_by_it(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(subject, "common_calls", raising(error))
    (found,) = with_confidence([patch()], VALIDATION, {}, context())
    assert found.confidence is not None
    assert found.confidence.signs.compared == 0
    # But where the run itself closed the sandboxes that is no sign at all.
    assert with_confidence([patch()], VALIDATION, {}, context(overdue=True)) == [patch()]
    with pytest.raises(type(error)):
        with_confidence([patch()], VALIDATION, {}, context(stopped=True))


def test_without_time_there_is_no_figure_and_with_some_it_is_kept_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Any] = []

    def common(*given: Any) -> CommonCalls:
        asked.append(given[-1])
        return CommonCalls()

    monkeypatch.setattr(subject, "common_calls", common)
    assert with_confidence([patch()], VALIDATION, {}, context(LEFT_SECONDS)) == [patch()]
    assert not asked
    (found,) = with_confidence([patch()], VALIDATION, {}, context(LEFT_SECONDS + 5))
    assert found.confidence is not None
    assert asked == [5.0]


def test_the_strength_of_the_tests_is_asked_for_in_time_and_costs_no_figure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured = patch(confidence=Confidence(value=0.5, calibrated=True))
    for error in (*MACHINE, SandboxDied("died"), RecursionError(), ValueError()):
        monkeypatch.setattr(subject, "strength_at", raising(error))
        assert with_strength(measured, VALIDATION, {}, context()) == measured
    asked: list[Any] = []

    def strength(*given: Any) -> TestStrength:
        asked.append(given[-1])
        return TestStrength(tried=6, noticed=6)

    monkeypatch.setattr(subject, "strength_at", strength)
    assert with_strength(measured, VALIDATION, {}, context(LEFT_SECONDS)) == measured
    assert with_strength(measured, VALIDATION, {}, context(overdue=True)) == measured
    found = with_strength(measured, VALIDATION, {}, context(LEFT_SECONDS + 5))
    assert found.confidence is not None
    assert found.confidence.signs.noticed == 6
    assert asked[-1] == 5.0
