"""Candidates are tried in forks of pytest only where the failing tests fail there as well."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agent.baseline.baseline import take_baseline
from agent.graph.context.prepared_project import PreparedProject
from agent.graph.context.run_context import RunContext
from agent.graph.proposer_setup.make_search import pytest_runs
from agent.graph.state import RepairState
from agent.runs.prepared import Prepared
from sandbox.languages.base import Overrides
from sandbox.languages.python.detection.detect import understand
from tests.support.runner_case import Open, open_project
from tests.support.verdict_case import snapshot_of, this_environment

__all__ = ["open_project"]

CASE = """import unittest
import calc
class A(unittest.TestCase):
    def test_add(self): self.assertEqual(calc.add(1, 2), 3)
    def check(self): self.assertEqual(calc.add(1, 2), 3)
"""
LOADS = "def load_tests(loader, tests, pattern):\n    return unittest.TestSuite([A('check')])\n"


@pytest.mark.slow
@pytest.mark.parametrize(("tests", "expected"), [(CASE, True), (CASE + LOADS, False)])
def test_forks_of_pytest_are_used_where_it_agrees(
    open_project: Open, tmp_path: Path, tests: str, expected: bool
) -> None:
    files = {"calc.py": "def add(a, b):\n    return a * b\n", "test_calc.py": tests}
    snapshot = snapshot_of({path: text.encode() for path, text in files.items()}, tmp_path)
    record = Prepared(
        sandbox="bubblewrap",
        snapshot="base.json",
        project=understand(snapshot, Overrides(test="python -m unittest")),
        environment=this_environment(),
        source="",
        base_commit=None,
    )
    prepared = PreparedProject(record, snapshot)
    evidence = take_baseline(
        lambda: open_project(files), prepared.runner, modules=["calc"], is_test_path=bool
    )
    assert len(evidence.baseline.failing) == 1
    context: Any = SimpleNamespace(prepared=lambda _: prepared, open=lambda _: open_project(files))
    targets = evidence.baseline.failing
    state = cast(RepairState, {})
    assert pytest_runs(targets, evidence, state, cast(RunContext, context)) is expected
