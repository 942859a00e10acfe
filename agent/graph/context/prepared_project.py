"""The target once it is prepared: its files, its environment, and how its tests are run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from agent.patches.changes import FileChange, edited_files
from agent.patches.path_rules import (
    GO_SOURCES,
    JAVASCRIPT_SOURCES,
    PYTHON_SOURCES,
    RUST_SOURCES,
    SourceRules,
)
from agent.records import CandidatePatch
from agent.runs.prepared import Prepared
from agent.source.test_sources import may_hold_test, sources_of
from agent.validation.language_traits import LanguageTraits
from sandbox.base import Environment
from sandbox.environments.build_products import products_in
from sandbox.languages.base import Canary, Language
from sandbox.languages.choose import AnyProject, language_of
from sandbox.languages.go.detection.project import GoProject
from sandbox.languages.javascript.detection.project import JavaScriptProject
from sandbox.languages.python.detection.project import PythonProject
from sandbox.languages.python.detection.test_setup import RunnerKind
from sandbox.languages.python.runners.choose_runner import pytest_setup
from sandbox.languages.python.runners.pytest import PytestSetup
from sandbox.languages.rust.detection.project import RustProject
from sandbox.runners.base import TestRunner
from sandbox.runners.test_ids import file_of, is_doctest, locate
from sandbox.snapshots.snapshot import Snapshot, load_snapshot

_SOURCES: Mapping[type, SourceRules] = {
    PythonProject: PYTHON_SOURCES,
    JavaScriptProject: JAVASCRIPT_SOURCES,
    GoProject: GO_SOURCES,
    RustProject: RUST_SOURCES,
}


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
    def project(self) -> AnyProject:
        return self.record.project

    @property
    def language(self) -> Language[Any]:
        """What answers for the project's language."""
        return language_of(self.project)

    @property
    def python(self) -> PythonProject | None:
        """The project, where it is one in Python."""
        return self.project if isinstance(self.project, PythonProject) else None

    def source_files(self) -> tuple[str, ...]:
        """Paths of the sources in the project's language, tests included, sorted."""
        return self.snapshot.files_where(self.project.is_source_path)

    @property
    def sources(self) -> SourceRules:
        """What counts as source of the project in a patch."""
        return _SOURCES[type(self.project)]

    @property
    def traits(self) -> LanguageTraits:
        """What the verdict has to know of the language."""
        language = self.language

        def make_canary(beside: str, like: str) -> Canary:
            try:
                content = self.snapshot.read(beside)
            except FileNotFoundError:
                content = b""  # a symbolic link
            return language.canary(self.project, beside, content, like)

        return LanguageTraits(
            name=language.name,
            abilities=language.abilities,
            sources=self.sources,
            make_canary=make_canary,
        )

    @property
    def environment(self) -> Environment:
        return self.record.environment

    @cached_property
    def products(self) -> Mapping[str, str]:
        """What the installation added to the project's folder, path → SHA-256."""
        return products_in(Path(self.record.source), self.snapshot)

    @property
    def pytest_setup(self) -> PytestSetup:
        """How pytest is started, for the evaluator and for coverage. Of projects in Python only."""
        assert self.python is not None
        return pytest_setup(self.python, self.environment.python)

    @property
    def runner(self) -> TestRunner:
        """What the baseline and the verdict run the tests with."""
        return self.language.runner(self.project, self.environment)

    def pytest_ids(self, test_ids: Sequence[str]) -> tuple[str, ...]:
        """The ids by which pytest knows these tests, where another runner reported them."""
        if self.python is None:
            return ()
        if self.project.runner is RunnerKind.PYTEST:
            return tuple(test_ids)
        paths = self.snapshot.entries.keys()
        locations = ((test_id, *locate(test_id, paths)) for test_id in test_ids)
        return tuple(
            "::".join((path, test_id) if self._is_example(path) else (path, *names))
            for test_id, path, names in locations
            if path is not None
        )

    def _is_example(self, path: str) -> bool:
        """Whether a test that unittest ran from this file is an example, for which pytest has
        the same dotted name."""
        return self.project.holds_pinned_examples(path)

    def record_with_tests(
        self, test_ids: Iterable[str], examples: Mapping[str, str] | None = None
    ) -> Prepared:
        """The record, in which every file that these tests come from counts as a test: whatever
        its name, it was collected from. Examples in docstrings do not make their module one; of
        those that unittest runs (`examples`, with their files) the module is remembered, and a
        text counts as a test."""
        examples = examples or {}
        paths = self.snapshot.entries.keys()
        sites = {path or file_of(test_id, paths) for test_id, path in examples.items()}
        known_sites = {path for path in sites if path in paths}
        modules = {path for path in known_sites if path.endswith(".py")}
        files = known_sites - modules
        for test_id in test_ids:
            path, names = locate(test_id, paths)
            if path is None or test_id in examples or is_doctest(test_id):
                continue
            if "::" in test_id or test_id == path or may_hold_test(self.any_text(path), names):
                files.add(path)
        return self._with_files(files, modules)

    def _with_files(self, files: Iterable[str], modules: Iterable[str]) -> Prepared:
        """The record with further test files, and further modules whose examples are tests."""
        new_files = sorted(path for path in files if not self.project.is_test_path(path))
        project = self.python
        if project is None:
            with_files = self.project.with_test_files(new_files)
            return replace(self.record, project=with_files) if new_files else self.record
        tests = project.tests
        paths = {*new_files, *tests.doctest_modules}
        new_modules = sorted(
            path for path in modules if path not in paths and not self.project.is_test_path(path)
        )
        if not new_files and not new_modules:
            return self.record
        tests = replace(
            tests,
            files=(*tests.files, *new_files),
            doctest_modules=(*tests.doctest_modules, *new_modules),
        )
        return replace(self.record, project=replace(project, tests=tests))

    def test_sources(self, test_ids: Iterable[str]) -> tuple[str, ...]:
        """Sources of these tests."""
        return sources_of(test_ids, self.snapshot)

    def is_source(self, path: str) -> bool:
        """Whether a file may hold a fault: it is no test."""
        return not self.project.is_test_path(path)

    def source_text(self, path: str) -> str | None:
        """The base text of a source file of the project; None for anything else."""
        if path not in self._source_files or not self.is_source(path):
            return None
        try:
            return self.snapshot.text(path).text
        except (FileNotFoundError, ValueError):
            return None

    def any_text(self, path: str) -> str | None:
        """The base text of any file, tests included; None for what is no text."""
        try:
            return self.snapshot.text(path).text
        except (FileNotFoundError, ValueError):
            return None

    @cached_property
    def _source_files(self) -> frozenset[str]:
        return frozenset(self.source_files())

    def changed_files(self, candidate: CandidatePatch) -> Mapping[str, FileChange]:
        """Path → bytes before and after."""
        return edited_files(candidate.edits, self.snapshot.read)
