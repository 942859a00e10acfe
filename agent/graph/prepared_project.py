"""The target once it is prepared: its files, its environment, and how its tests are run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from agent.patches.changes import FileChange, edited_files
from agent.records import CandidatePatch
from agent.runs.prepared import Prepared
from agent.source.test_sources import sources_of
from sandbox.base import Environment
from sandbox.environments.build_products import products_in
from sandbox.languages.python.detection.project import Project
from sandbox.languages.python.detection.test_setup import RunnerKind
from sandbox.languages.python.runners.choose_runner import choose_runner, pytest_setup
from sandbox.languages.python.runners.pytest import PytestSetup
from sandbox.runners.base import TestRunner
from sandbox.runners.test_ids import file_of, is_doctest, locate
from sandbox.snapshots.snapshot import Snapshot, load_snapshot


@dataclass(frozen=True, eq=False)
class PreparedProject:
    """What the record `prepared` of a run's state stands for."""

    record: Prepared
    snapshot: Snapshot

    @classmethod
    def load(cls, record: Prepared, folder: Path) -> PreparedProject:
        """The project whose snapshot lies in `folder`."""
        return cls(record, load_snapshot(folder / record.snapshot))

    @property
    def project(self) -> Project:
        return self.record.project

    @property
    def environment(self) -> Environment:
        return self.record.environment

    @cached_property
    def products(self) -> Mapping[str, str]:
        """What the installation added to the project's folder, path → SHA-256."""
        return products_in(Path(self.record.source), self.snapshot)

    @property
    def pytest_setup(self) -> PytestSetup:
        """How pytest is started, for the evaluator and for coverage."""
        return pytest_setup(self.project, self.environment.python)

    @property
    def runner(self) -> TestRunner:
        """What the baseline and the verdict run the tests with."""
        return choose_runner(self.project, self.environment.python)

    def pytest_ids(self, test_ids: Sequence[str]) -> tuple[str, ...]:
        """The ids by which pytest knows these tests, where another runner reported them."""
        if self.project.runner is RunnerKind.PYTEST:
            return tuple(test_ids)
        paths = self.snapshot.entries.keys()
        locations = (locate(test_id, paths) for test_id in test_ids)
        return tuple("::".join((path, *names)) for path, names in locations if path is not None)

    def record_with_tests(self, test_ids: Iterable[str]) -> Prepared:
        """The record, in which every file that these tests come from counts as a test: whatever
        its name, it was collected from. Examples in docstrings do not make their module one."""
        paths = self.snapshot.entries.keys()
        files = {file_of(test_id, paths) for test_id in test_ids if not is_doctest(test_id)}
        new = sorted(path for path in files if path and not self.project.is_test_path(path))
        if not new:
            return self.record
        tests = replace(self.project.tests, files=(*self.project.tests.files, *new))
        return replace(self.record, project=replace(self.project, tests=tests))

    def test_sources(self, test_ids: Iterable[str]) -> tuple[str, ...]:
        """Sources of these tests."""
        return sources_of(test_ids, self.snapshot)

    def is_source(self, path: str) -> bool:
        """Whether a file may hold a fault: it is no test."""
        return not self.project.is_test_path(path)

    def source_text(self, path: str) -> str | None:
        """The base text of a source file of the project; None for anything else."""
        if not path.endswith(".py") or not self.is_source(path) or path in self.snapshot.unnamable:
            return None
        try:
            return self.snapshot.text(path).text
        except (FileNotFoundError, ValueError):
            return None

    def changed_files(self, candidate: CandidatePatch) -> Mapping[str, FileChange]:
        """Path → bytes before and after."""
        return edited_files(candidate.edits, self.snapshot.read)
