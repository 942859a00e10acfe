"""The record of what is known of a project."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from sandbox.languages.python.detection.packaging.build_system import BuildSystem
from sandbox.languages.python.detection.packaging.extensions import Extensions
from sandbox.languages.python.detection.packaging.metadata import Metadata
from sandbox.languages.python.detection.packaging.requirements import LOCK_FILES, Needs
from sandbox.languages.python.detection.test_setup import RunnerKind, TestSetup
from sandbox.languages.python.detection.testing.addopts import without_obstacles
from sandbox.languages.python.detection.testing.test_files import is_test_file

_CONFIG_NAMES = frozenset(
    [
        *("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "conftest.py"),
        *("tox.ini", "tox.toml", "noxfile.py", "setup.cfg", "setup.py", "pyproject.toml"),
        *("sitecustomize.py", "usercustomize.py", ".coveragerc", "MANIFEST.in", "Makefile"),
        *("Pipfile", "hatch.toml", "pdm.toml", "poetry.toml", "uv.toml", ".python-version"),
        *("environment.yml", "environment.yaml", "Dockerfile", "compose.yaml"),
        *(".gitlab-ci.yml", ".travis.yml", "appveyor.yml", ".appveyor.yml"),
        *("azure-pipelines.yml", "Jenkinsfile", ".pre-commit-config.yaml", "codecov.yml"),
        *(".gitattributes", ".gitmodules", ".gitignore", *LOCK_FILES),
    ]
)
_CONFIG_PATTERNS = ("*.pth", "*requirements*.txt", "*requirements*.in", "*constraints*.txt")
_CONFIG_FOLDERS = frozenset((".git", ".github", ".circleci", ".gitlab", ".ci", ".buildkite"))


@dataclass(frozen=True, kw_only=True)
class Member:
    """A package of a workspace, in a folder of its own."""

    folder: str
    name: str
    extras: tuple[str, ...] = ()
    """For its tests."""


@dataclass(frozen=True, kw_only=True)
class PythonProject:
    """A project as its files describe it."""

    name: str
    import_roots: tuple[str, ...]
    """Folders to import from, relative; `.` is the top."""
    modules: frozenset[str] = frozenset()
    """Top-level names that are imported from those folders."""
    tests: TestSetup
    test_folders: frozenset[str] = frozenset()
    metadata: Metadata = field(default_factory=Metadata)
    needs: Needs = field(default_factory=Needs)
    members: tuple[Member, ...] = ()
    """Packages below that are installed with it; it may be none itself."""
    submodules: tuple[str, ...] = ()
    """Folders of submodules of which no file is here."""
    requires_python: str | None = None
    """PEP 440 specifier."""
    python: str | None = None
    """Asked for by the user, a version or a path; comes before everything else."""
    python_hint: str | None = None
    """From `.python-version`."""
    tested_pythons: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Who names the versions that it is tested on → minor versions, in the order of trust."""
    build: BuildSystem = field(default_factory=BuildSystem)
    extensions: Extensions | None = None
    """What is compiled when it is installed; None where nothing is declared."""
    install: str | None = None
    """A shell command that replaces the installation."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Environment variables of its tests; `{workspace}` stands for the project's folder."""
    why: tuple[str, ...] = ()
    """How each decision was made, one sentence each."""
    notes: tuple[str, ...] = ()
    """What could not be read or is ignored, one sentence each."""

    @property
    def runner(self) -> RunnerKind:
        return self.tests.runner

    @property
    def test_files(self) -> tuple[str, ...]:
        """Files with tests, as far as they are known."""
        return tuple(self.tests.files)

    @property
    def has_tests(self) -> bool:
        """False when there is nothing to run: no test file, no examples in docstrings, and no
        command that may know a test."""
        setup = self.tests
        has_files = bool(setup.files or setup.doctest_modules)
        return has_files or setup.given or self.runner is not RunnerKind.PYTEST

    @property
    def installable(self) -> bool:
        """Whether pip can install the project."""
        return self.metadata.source is not None

    def is_source_path(self, path: str) -> bool:
        """Say whether a file is Python by its name."""
        return path.endswith(".py")

    def is_test_path(self, path: str) -> bool:
        """Say whether a file belongs to the tests: by its name, or by a folder above it."""
        folders = {parent.as_posix() for parent in PurePosixPath(path).parents}
        in_test_folder = not {"test", "tests"}.isdisjoint(PurePosixPath(path).parts[:-1])
        return in_test_folder or is_test_file(path, self.tests) or bool(folders & self.test_folders)

    def holds_pinned_examples(self, path: str) -> bool:
        """Say whether the examples in a source file's docstrings are tests: the file may be
        edited, they may not."""
        return path in self.tests.doctest_modules

    def is_config_path(self, path: str) -> bool:
        """Say whether a file decides how the project is installed, tested or checked."""
        pure = PurePosixPath(path)
        if pure.name in _CONFIG_NAMES or not _CONFIG_FOLDERS.isdisjoint(pure.parts):
            return True
        is_requirements = pure.parent.name == "requirements" and pure.suffix in (".txt", ".in")
        return is_requirements or any(
            fnmatchcase(pure.name, pattern) for pattern in _CONFIG_PATTERNS
        )

    def with_test_files(self, paths: Iterable[str]) -> PythonProject:
        """The same project, in which these files are tests, too."""
        return replace(self, tests=replace(self.tests, files=(*self.tests.files, *paths)))

    def with_new_test(self, path: str) -> PythonProject:  # noqa: ARG002 - it is collected as others
        """The same project, whose runs of all tests include a new file of tests."""
        return self


def pytest_addopts(project: PythonProject) -> list[str]:
    """Return the project's own pytest options to pass on, after `-o addopts=`: without those
    for parallel runs, coverage, reruns, early ends, reports and linters."""
    arguments = project.tests.arguments if project.runner is RunnerKind.PYTEST else ()
    return without_obstacles([*project.tests.addopts, *arguments])
