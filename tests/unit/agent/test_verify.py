"""A verification that is stopped, or whose time is over, before it has a verdict."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent.baseline.evidence import BaselineEvidence
from agent.config import Settings
from agent.errors import VerificationOverdue
from agent.events import Event, Progress, StageEnded, StageStarted
from agent.graph.context.run_context import RunContext
from agent.records import Baseline, Verdict, Verification
from agent.runs.result_file import Evidence, write_result
from agent.runs.stop import Interrupted
from agent.runs.verification_terms import Terms
from agent.validation.validation_context import ValidationContext
from agent.verify import _watched_judgement, verify
from sandbox.errors import SandboxDied
from sandbox.host.heartbeat import heartbeat
from tests.support.cli_records import make_result


@pytest.fixture
def result_path(tmp_path: Path) -> Path:
    taken = BaselineEvidence(baseline=Baseline(failing=("t.py::a",), passing=()))
    write_result(make_result(), tmp_path / "result.json", Evidence(target="/x", baseline=taken))
    return tmp_path / "result.json"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state_dir=tmp_path / "state", cache_dir=tmp_path / "cache")


def test_stopped(
    result_path: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = threading.Event()

    def prepare(_state: Any, context: RunContext, tests: tuple[str, ...], *_: Any) -> Any:
        assert not tests  # the file does not say which packages are held to their tests
        context.stop.set()
        raise SandboxDied("its session was closed")

    monkeypatch.setattr("agent.verify.prepare", prepare)
    with pytest.raises(Interrupted):
        verify(result_path, Terms(target=str(tmp_path)), settings, lambda _: None, stop)
    assert stop.is_set()


@pytest.mark.parametrize("died", [True, False])
def test_overdue(
    died: bool,
    result_path: Path,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def prepare(_state: Any, context: RunContext, *_: Any) -> Any:
        assert context.overdue.wait(30)
        if died:
            raise SandboxDied("its session was closed")
        return {"ending": {"reason": "the environment is broken"}}

    monkeypatch.setattr("agent.verify.prepare", prepare)
    terms = Terms(target=str(tmp_path), max_seconds=0.01)
    with pytest.raises(VerificationOverdue, match=r"the 0.01 s for it are over"):
        verify(result_path, terms, settings, lambda _: None)


def test_a_long_judgement_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    said, heard = list[Event](), threading.Event()

    def listen(event: Event) -> None:
        said.append(event)
        if isinstance(event, Progress) and "1 sandbox opened" in event.text:
            heard.set()

    def judged(_patch: Any, validation: ValidationContext, *_: Any) -> Verification:
        validation.open_session()
        assert heard.wait(60)
        return Verification(verdict=Verdict(plausible=True, fail_to_pass={}, pass_to_pass={}))

    nothing: Any = None
    validation = ValidationContext(
        open_session=lambda: nothing,
        open_answering=lambda: nothing,
        python="python",
        runner=nothing,
        base=nothing,
        rules=nothing,
        evidence=nothing,
    )
    context: Any = SimpleNamespace(listen=listen, validation=lambda _state: validation)
    monkeypatch.setattr("agent.verify._judged", judged)
    monkeypatch.setattr("agent.verify.heartbeat", partial(heartbeat, interval_seconds=0.001))
    patch: Any = None
    assert _watched_judgement(patch, context, {}).verdict.plausible  # type: ignore[typeddict-item]
    assert isinstance(said[0], StageStarted)
    assert isinstance(said[-1], StageEnded)
