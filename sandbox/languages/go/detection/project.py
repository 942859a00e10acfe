"""The record of what is known of a Go project."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import PurePosixPath

SOURCE_SUFFIX, TEST_SUFFIX = ".go", "_test.go"
_CONFIG_NAMES = frozenset(
    (
        *("go.mod", "go.sum", "go.work", "go.work.sum", "go.env", "makefile", "gnumakefile"),
        *("taskfile.yml", "taskfile.yaml", "magefile.go", "justfile", "dockerfile", "compose.yaml"),
        *(".golangci.yml", ".golangci.yaml", ".golangci.toml", ".golangci.json", ".goreleaser.yml"),
        *(".goreleaser.yaml", ".gitattributes", ".gitmodules", ".gitignore", ".gitlab-ci.yml"),
        *(".travis.yml", "azure-pipelines.yml", "jenkinsfile", "appveyor.yml", ".tool-versions"),
    )
)
_CONFIG_FOLDERS = frozenset((".git", ".github", ".circleci", ".gitlab", "vendor"))
_TEST_FOLDERS = frozenset(
    (
        "mock",
        "mocks",
        "test",
        "testdata",
        "testhelper",
        "testhelpers",
        "tests",
        "testutil",
        "testutils",
    )
)  # fmt: skip
"""What is in them helps tests: a repair changes no measure."""


class GoCommand(StrEnum):
    """What runs the tests; the value is how people call it."""

    TEST = "go test"


@dataclass(frozen=True, kw_only=True)
class GoTests:
    """How the tests are run, and which files they are."""

    options: tuple[str, ...] = ()
    """Of `go test`: build tags and the like."""
    files: tuple[str, ...] = ()
    """Files with tests, as far as their names tell."""
    given: bool = False
    """A person named the command."""


@dataclass(frozen=True, kw_only=True)
class GoProject:
    """A project with a go.mod, as its files describe it."""

    name: str
    go_command: GoCommand = GoCommand.TEST
    tests: GoTests = field(default_factory=GoTests)
    modules: Mapping[str, str]
    """Folder of each module → its import path; the top is the empty folder."""
    go_version: tuple[int, int, int] | None = None
    """The oldest Go that its files allow."""
    install: str | None = None
    """A shell command that replaces the installation."""
    variables: Mapping[str, str] = field(default_factory=dict)
    why: tuple[str, ...] = ()
    """How each decision was made, one sentence each."""
    notes: tuple[str, ...] = ()
    """What could not be read or is ignored, one sentence each."""

    @property
    def runner(self) -> GoCommand:
        return self.go_command

    @property
    def test_files(self) -> tuple[str, ...]:
        """Files with tests, as far as they are known."""
        return self.tests.files

    @property
    def has_tests(self) -> bool:
        return bool(self.tests.files)

    def is_source_path(self, path: str) -> bool:
        """Say whether a file is Go by its name."""
        return path.endswith(SOURCE_SUFFIX)

    def is_test_path(self, path: str) -> bool:
        """Say whether a file belongs to the tests: by its name, or by a folder above it."""
        pure = PurePosixPath(path.lower())
        in_test_folder = not _TEST_FOLDERS.isdisjoint(pure.parts[:-1])
        return in_test_folder or pure.name.endswith(TEST_SUFFIX) or path in self.tests.files

    def is_config_path(self, path: str) -> bool:
        """Say whether a file decides how the project is installed, tested or checked."""
        folders = path.lower().split("/")[:-1]
        return (
            not _CONFIG_FOLDERS.isdisjoint(folders)
            or posixpath.basename(path).lower() in _CONFIG_NAMES
        )

    def holds_pinned_examples(self, path: str) -> bool:  # noqa: ARG002 - no examples are tests
        return False

    def with_test_files(self, paths: Iterable[str]) -> GoProject:
        """The same project, in which these files are tests, too."""
        return replace(self, tests=replace(self.tests, files=(*self.tests.files, *paths)))

    def with_new_test(self, path: str) -> GoProject:
        """The same project, whose runs of all tests include a new file of tests."""
        return self.with_test_files([path])
