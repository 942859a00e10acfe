"""What the baseline teaches of a project's files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

from agent.events import Event, Warned
from agent.graph.context.prepared_project import PreparedProject
from agent.graph.context.run_context import RunContext
from agent.runs.prepared import Prepared
from sandbox.languages.python.detection.detect import understand
from sandbox.languages.python.detection.test_setup import RunnerKind
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


DOTTED = {
    "more/__init__.py": b"",
    "more/more.py": b"class seekable:\n    def peek(self):\n        return 1\n",
    "more/specs.py": b"import unittest\nclass Spec(unittest.TestCase):\n    def spec(self): pass\n",
    "more/mixed.py": b"import unittest\nclass T(unittest.TestCase):\n    def test(self): pass\n",
    "more/guide.rst": b">>> 1\n1\n",
    "tests/test_more.py": b"import unittest\n",
}


def prepared_of(files: dict[str, bytes], folder: Path) -> PreparedProject:
    snapshot = snapshot_of(files, folder)
    project = understand(snapshot)
    unittest = replace(project, tests=replace(project.tests, runner=RunnerKind.UNITTEST))
    record = Prepared(
        sandbox="process",
        snapshot="base.json",
        project=unittest,
        environment=this_environment(),
        source="",
        base_commit=None,
    )
    return PreparedProject(record, snapshot)


def test_examples_that_unittest_runs_pin_their_module_and_make_it_no_test(tmp_path: Path) -> None:
    prepared = prepared_of(DOTTED, tmp_path)
    examples = {"more.more.seekable": "more/more.py", "more.mixed": ""}
    examples["guide_rst"] = "more/guide.rst"
    known = ["tests.test_more.T.test_a", *examples, "more.specs.Spec.spec", "more.mixed.T.test"]
    record = prepared.record_with_tests(known, examples)
    project = record.project
    assert not project.is_test_path("more/more.py")
    assert project.holds_pinned_examples("more/more.py")
    assert project.tests.doctest_modules == ("more/more.py",)
    for path in ("more/specs.py", "more/mixed.py", "more/guide.rst"):
        assert project.is_test_path(path)
    learnt = PreparedProject(record, prepared.snapshot)
    assert learnt.pytest_ids(["more.more.seekable"]) == ("more/more.py::more.more.seekable",)
    assert "--doctest-modules" in learnt.pytest_setup.addopts
    assert learnt.record_with_tests(known, examples) is record


def test_a_dotted_id_without_a_test_makes_its_module_no_test_file(tmp_path: Path) -> None:
    prepared = prepared_of(DOTTED, tmp_path)
    assert prepared.record_with_tests(["more.more.seekable", "more.more.seekable.peek"]) is (
        prepared.record
    )
    assert prepared.record_with_tests(["more.more"]).project.is_test_path("more/more.py")


def test_a_file_that_becomes_a_test_without_its_name_is_told(tmp_path: Path) -> None:
    prepared = prepared_of(DOTTED, tmp_path)
    events: list[Event] = []
    context = Mock(prepared=lambda _: prepared, listen=events.append)
    tests, examples = ["more.specs.Spec.spec", "more.more.seekable"], {"more.more.seekable": ""}
    update = RunContext.learn_test_files(context, {}, tests, examples)  # type: ignore[typeddict-item]
    assert update["taken_as_tests"] == ["more/specs.py"]
    text = "more/specs.py counts as a test, which its name does not say: tests came from it"
    assert events == [Warned(text=text)]
