"""What every language answers: the Protocols and records that the stages of a repair work with.

A language is a room beside this file. What a stage does with it is the same for all; what a
language cannot do it says in `Abilities`, and the stage says so to people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol, Self, TypeVar

from sandbox.base import Environment, Sandbox
from sandbox.runners.base import TestRunner
from sandbox.snapshots.snapshot import Snapshot


@dataclass(frozen=True, kw_only=True)
class Overrides:
    """What the user says of the project; comes before everything that is found."""

    install: str | None = None
    """Shell command, run in the project's folder with the environment first on PATH."""
    test: str | None = None
    python: str | None = None
    """A version ("3.11") or the path of an interpreter."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Variables of the tests."""
    only: tuple[str, ...] = ()
    """Tests that are asked for by name: they say which package of several is meant."""
    changed: tuple[str, ...] = ()
    """Files of the patch that is to be judged: they say which of several languages is meant."""


@dataclass(frozen=True, kw_only=True)
class SessionSetup:
    """What every session of a run is opened with: `sandbox.open(environment, source, limits)`."""

    environment: Environment
    source: Path
    """The snapshot's tar, or one beside it that also holds what the installation generated."""
    reused: bool
    """It was there already; nothing was installed."""
    left_out: tuple[str, ...] = ()
    """What could not be installed and was not waited for, one sentence each."""
    not_built: tuple[str, ...] = ()
    """Declared compiled modules that are not there, one sentence each."""
    packages: tuple[str, ...] = ()
    """What it holds; empty where that is not known."""


class Project(Protocol):
    """A project as its files describe it. Plain data: it lies in checkpoints."""

    @property
    def name(self) -> str: ...

    @property
    def runner(self) -> StrEnum:
        """What runs the tests."""

    @property
    def variables(self) -> Mapping[str, str]:
        """Environment variables of its tests; `{workspace}` stands for the project's folder."""

    @property
    def why(self) -> tuple[str, ...]:
        """How each decision was made, one sentence each."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What could not be read or is ignored, one sentence each."""

    @property
    def has_tests(self) -> bool:
        """False when there is nothing to run."""

    def is_source_path(self, path: str) -> bool:
        """Say whether a file is a source of this language by its name, tests included."""

    def is_test_path(self, path: str) -> bool:
        """Say whether a file belongs to the tests: no patch may change it."""

    def is_config_path(self, path: str) -> bool:
        """Say whether a file decides how the project is installed, tested or checked."""

    def holds_pinned_examples(self, path: str) -> bool:
        """Say whether examples in a source file are tests: it may be edited, they may not."""

    def with_test_files(self, paths: Iterable[str]) -> Self:
        """The same project, in which these files are tests, too."""

    def with_new_test(self, path: str) -> Self:
        """The same project, whose runs of all tests include a new file of tests."""


@dataclass(frozen=True, kw_only=True)
class Canary:
    """A file to put beside a real test file, with a test that must pass and one that must fail."""

    path: str
    content: bytes
    must_pass: str
    must_fail: str


@dataclass(frozen=True, kw_only=True)
class Abilities:
    """What Repair knows of a language beyond running its tests."""

    lines: bool = False
    """Which lines each test runs."""
    copies: bool = False
    """Copies of tests that must fail, and the second opinion of another sandbox."""
    statements: bool = False
    """A test made of a problem that is stated in words."""


P_contra = TypeVar("P_contra", bound=Project, contravariant=True)


class Language(Protocol[P_contra]):
    """One language: from a project to an environment, a runner and the signs of a verdict."""

    name: str
    """As people write it."""
    abilities: Abilities

    def prepare(
        self,
        sandbox: Sandbox,
        project: P_contra,
        snapshot: Snapshot,
        on_progress: Callable[[str], None],
        *,
        owner: str = "",
        runner_below: int | None = None,
    ) -> SessionSetup:
        """The project's environment, built once for what the installation can read. `runner_below`
        is a major version of the test runner that is too new for the project.

        Raises EnvironmentBroken, DiskFull, or what the sandbox raises.
        """

    def runner(self, project: P_contra, environment: Environment) -> TestRunner:
        """What the baseline and the verdict run the tests with."""

    def canary(self, project: P_contra, beside: str, text: bytes, like: str) -> Canary:
        """A canary in the folder of the test file `beside`, whose content is `text`, named in the
        style of the test `like`."""
