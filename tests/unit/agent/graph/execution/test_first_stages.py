"""What is begun before the graph, and what the graph makes of it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent.graph.execution import first_stages
from agent.graph.execution.first_stages import begin_first_stages
from agent.graph.outcome import Ending
from agent.graph.repair_graph import graph_node
from agent.graph.state import RepairState
from agent.records import RepairJob, Status
from agent.runs.stop import Interrupted
from agent.serialization import plain
from sandbox.errors import BadTarget

JOB = RepairJob(run_id="run", target="/home/me/project")
IMPORTS = """
import sys
import agent.run, agent.verify

names = "agent.run", "agent.verify", "langchain_core", "langgraph.graph"
print(*(name for name in names if name in sys.modules))
"""
ENDING = {"ending": plain(Ending(Status.NO_TESTS, "none"))}


class Stages:
    """Stands for the two nodes, and notes with which state each was carried out."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.states: list[tuple[str, RepairState]] = []
        self.preparation: Mapping[str, Any] | Exception = {"prepared": {"sandbox": "process"}}
        self.stop = threading.Event()
        self.first_updates: dict[str, Any] = {}
        self._monkeypatch = monkeypatch

    def begin(self) -> None:
        def carry_out(node: Any, state: RepairState, _context: Any) -> Mapping[str, Any]:
            self.states.append((node.__name__, state))
            if node.__name__ == "baseline":
                return {"evidence": {}}
            if isinstance(self.preparation, Exception):
                raise self.preparation
            return self.preparation

        self._monkeypatch.setattr(first_stages, "carry_out", carry_out)
        context: Any = SimpleNamespace(job=JOB, first_updates=self.first_updates)
        begin_first_stages(context)

    def update(self, stage: str) -> dict[str, Any]:
        return dict(self.first_updates[stage].result())


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> Stages:
    return Stages(monkeypatch)


def test_baseline_goes_on_from_what_was_prepared(stages: Stages) -> None:
    stages.begin()
    assert stages.update("baseline") == {"evidence": {}}
    assert stages.update("prepare") == stages.preparation
    first, second = {"job": plain(JOB)}, {"job": plain(JOB), "prepared": {"sandbox": "process"}}
    assert stages.states == [("prepare", first), ("baseline", second)]


def test_after_an_ending_no_test_is_run(stages: Stages) -> None:
    stages.preparation = ENDING
    stages.begin()
    assert stages.update("prepare") == ENDING
    assert stages.update("baseline") == {}
    assert [stage for stage, _ in stages.states] == ["prepare"]


@pytest.mark.parametrize("error", [BadTarget("there is no such folder"), Interrupted()], ids=repr)
def test_the_graph_hears_what_went_wrong(stages: Stages, error: Exception) -> None:
    stages.preparation = error
    stages.begin()
    for stage in ("prepare", "baseline"):
        with pytest.raises(type(error)):
            stages.update(stage)
    assert [stage for stage, _ in stages.states] == ["prepare"]


def test_a_node_takes_what_was_begun_once(stages: Stages) -> None:
    """`prepare` may have a second turn, for an older pytest: that one is carried out."""

    def prepare(_state: RepairState, _context: Any) -> Mapping[str, Any]:
        raise BadTarget("a second turn")

    stages.begin()
    context: Any = SimpleNamespace(first_updates=stages.first_updates, stop=threading.Event())
    context.stop.set()
    runtime: Any = SimpleNamespace(context=context)
    assert graph_node(prepare)({}, runtime=runtime) == stages.preparation
    with pytest.raises(Interrupted):  # before the node itself, since the run is stopped
        graph_node(prepare)({}, runtime=runtime)


def test_langgraph_is_not_imported_before() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", IMPORTS],
        cwd=Path(__file__).parents[5],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ended.stdout.split() == ["agent.run", "agent.verify"]
