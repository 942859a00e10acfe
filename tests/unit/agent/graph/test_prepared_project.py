"""What the baseline teaches of a project's files."""

from __future__ import annotations

from pathlib import Path

from agent.graph.prepared_project import PreparedProject
from agent.runs.prepared import Prepared
from sandbox.languages.python.detection.detect import understand
from tests.support.verdict_case import snapshot_of, this_environment

FILES = {
    "calc.py": b"def add(a, b):\n    '''\n    >>> add(1, 2)\n    3\n    '''\n    return a * b\n",
    "spec_calc.py": b"def spec_add(): assert True\n",
    "test_calc.py": b"def test_add(): assert True\n",
}


def test_a_file_is_a_test_where_tests_were_collected_from_it(tmp_path: Path) -> None:
    snapshot = snapshot_of(FILES, tmp_path)
    record = Prepared(
        sandbox="process",
        snapshot="base.json",
        project=understand(snapshot),
        environment=this_environment(),
        source="",
        base_commit=None,
    )
    prepared = PreparedProject(record, snapshot)
    assert prepared.record_with_tests(["test_calc.py::test_add"]) is record
    known = ["test_calc.py::test_add", "calc.py::calc.add", "spec_calc.py::spec_add"]
    project = prepared.record_with_tests(known).project
    assert project.is_test_path("spec_calc.py")
    assert not project.is_test_path("calc.py")
