"""The record of what is known of a Rust project."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import PurePosixPath

SOURCE_SUFFIX = ".rs"
_CONFIG_NAMES = frozenset(
    (
        *("cargo.toml", "cargo.lock", "build.rs", "rust-toolchain", "rust-toolchain.toml"),
        *("clippy.toml", ".clippy.toml", "rustfmt.toml", ".rustfmt.toml", "deny.toml"),
        *("nextest.toml", "cross.toml", "makefile", "gnumakefile", "makefile.toml", "justfile"),
        *("taskfile.yml", "taskfile.yaml", "dockerfile", "compose.yaml", ".gitattributes"),
        *(".gitmodules", ".gitignore", ".gitlab-ci.yml", ".travis.yml", "azure-pipelines.yml"),
        *("jenkinsfile", "appveyor.yml", ".tool-versions", "tarpaulin.toml", "insta.yaml"),
    )
)
_CONFIG_FOLDERS = frozenset((".git", ".github", ".circleci", ".gitlab", ".cargo", ".config"))
_VENDORED = frozenset(("vendor",))
_TEST_FOLDERS = frozenset(
    (
        *("benches", "fixtures", "fuzz", "mocks", "snapshots", "test", "test_data", "testdata"),
        *("test_helpers", "test_utils", "tests", "testutil", "testutils", "ui"),
    )
)
"""What is in them helps tests: a repair changes no measure."""
_TEST_NAMES = frozenset(("test.rs", "tests.rs", "test_utils.rs", "test_helpers.rs", "testutil.rs"))
_TEST_ENDS = ("_test.rs", "_tests.rs")


class CargoCommand(StrEnum):
    """What runs the tests; the value is how people call it."""

    TEST = "cargo test"


@dataclass(frozen=True, kw_only=True)
class RustTests:
    """How the tests are run, and which files they are."""

    options: tuple[str, ...] = ()
    """Of `cargo test`: features and the like."""
    files: tuple[str, ...] = ()
    """Files with tests, as far as they can be told."""
    whole: tuple[str, ...] = ()
    """Files that are built for tests alone, whatever they are called."""
    bare: tuple[str, ...] = ()
    """Files of tests with a harness of their own, which are not run."""
    given: bool = False
    """A person named the command."""


@dataclass(frozen=True, kw_only=True)
class RustProject:
    """A project with a Cargo.toml, as its files describe it."""

    name: str
    cargo_command: CargoCommand = CargoCommand.TEST
    tests: RustTests = field(default_factory=RustTests)
    crates: Mapping[str, str]
    """Folder of each package → the name of its library in code, empty without one; the top is the
    empty folder."""
    listed: tuple[str, ...] = ()
    """Folders of packages whose tests are only those that Cargo.toml names."""
    rust_version: tuple[int, int, int] | None = None
    """The oldest Rust that its files allow."""
    channel: str = ""
    """The toolchain that `rust-toolchain` asks for."""
    install: str | None = None
    """A shell command that replaces the installation."""
    variables: Mapping[str, str] = field(default_factory=dict)
    why: tuple[str, ...] = ()
    """How each decision was made, one sentence each."""
    notes: tuple[str, ...] = ()
    """What could not be read or is ignored, one sentence each."""

    @property
    def runner(self) -> CargoCommand:
        return self.cargo_command

    @property
    def test_files(self) -> tuple[str, ...]:
        """Files with tests, as far as they are known."""
        return self.tests.files

    @property
    def has_tests(self) -> bool:
        return bool(self.tests.files)

    def is_source_path(self, path: str) -> bool:
        """Say whether a file is Rust by its name."""
        return path.endswith(SOURCE_SUFFIX)

    def is_test_path(self, path: str) -> bool:
        """Say whether a file belongs to the tests alone: by its name, a folder above it, or since
        it is built for tests alone. A source with a module of tests in it is none."""
        pure = PurePosixPath(path.lower())
        in_test_folder = not _TEST_FOLDERS.isdisjoint(pure.parts[:-1])
        by_name = pure.name in _TEST_NAMES or pure.name.endswith(_TEST_ENDS)
        return in_test_folder or by_name or path in self.tests.whole

    def is_config_path(self, path: str) -> bool:
        """Say whether a file decides how the project is installed, tested or checked."""
        folders = path.lower().split("/")[:-1]
        return (
            not _CONFIG_FOLDERS.isdisjoint(folders)
            or not _VENDORED.isdisjoint(folders)
            or posixpath.basename(path).lower() in _CONFIG_NAMES
        )

    def holds_pinned_examples(self, path: str) -> bool:
        """Unit tests stand inside of sources, which may be edited around them."""
        return path.endswith(SOURCE_SUFFIX) and not self.is_test_path(path)

    def with_test_files(self, paths: Iterable[str]) -> RustProject:
        """The same project, in which these files hold tests, too."""
        return replace(self, tests=replace(self.tests, files=(*self.tests.files, *paths)))

    def with_new_test(self, path: str) -> RustProject:
        """The same project, whose runs of all tests include a new file of tests."""
        return self.with_test_files([path])
