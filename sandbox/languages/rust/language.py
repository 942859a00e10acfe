"""Rust, as every language is asked."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.base import Environment, Sandbox
from sandbox.languages.base import Abilities, Canary, SessionSetup
from sandbox.languages.rust.canary import make_canary
from sandbox.languages.rust.detection.project import RustProject
from sandbox.languages.rust.environments.prepare import prepare_environment
from sandbox.languages.rust.runners.runner import RustRunner
from sandbox.snapshots.snapshot import Snapshot


class Rust:
    """Implements `sandbox.languages.base.Language`."""

    name = "Rust"
    abilities = Abilities()

    def prepare(
        self,
        sandbox: Sandbox,
        project: RustProject,
        snapshot: Snapshot,
        on_progress: Callable[[str], None],
        *,
        owner: str = "",
        runner_below: int | None = None,  # noqa: ARG002 - Cargo brings its runner
    ) -> SessionSetup:
        return prepare_environment(sandbox, project, snapshot, on_progress, owner=owner)

    def runner(self, project: RustProject, environment: Environment) -> RustRunner:
        return RustRunner(python=environment.python, tests=project.tests)

    def canary(self, project: RustProject, beside: str, text: bytes, like: str) -> Canary:  # noqa: ARG002
        return make_canary(project, beside)
