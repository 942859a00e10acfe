"""The ranking of a recording that was cut off is not told."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from agent.baseline.evidence import BaselineEvidence
from agent.graph.nodes import localize as node
from agent.records import Baseline
from agent.runs.stop import Interrupted
from agent.serialization import plain
from sandbox.languages.python.language import Python


def test_a_stop_while_lines_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    stop, said = threading.Event(), list[object]()
    project = SimpleNamespace(project=SimpleNamespace(runner=None), language=Python())
    context: Any = SimpleNamespace(prepared=lambda _: project, stop=stop, listen=said.append)
    monkeypatch.setattr(node, "_recorded", lambda *_: stop.set())
    taken = BaselineEvidence(baseline=Baseline(failing=("t.py::a",), passing=()))
    with pytest.raises(Interrupted):
        node.localize({"evidence": plain(taken)}, context)  # type: ignore[typeddict-item]
    assert not said
