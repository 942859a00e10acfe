"""Go, as every language is asked."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.base import Environment, Sandbox
from sandbox.languages.base import Abilities, Canary, SessionSetup
from sandbox.languages.go.canary import make_canary
from sandbox.languages.go.detection.project import GoProject
from sandbox.languages.go.environments.prepare import prepare_environment
from sandbox.languages.go.runners.runner import GoRunner
from sandbox.snapshots.snapshot import Snapshot


class Go:
    """Implements `sandbox.languages.base.Language`."""

    name = "Go"
    abilities = Abilities()

    def prepare(
        self,
        sandbox: Sandbox,
        project: GoProject,
        snapshot: Snapshot,
        on_progress: Callable[[str], None],
        *,
        owner: str = "",
        runner_below: int | None = None,  # noqa: ARG002 - Go brings its runner
    ) -> SessionSetup:
        return prepare_environment(sandbox, project, snapshot, on_progress, owner=owner)

    def runner(self, project: GoProject, environment: Environment) -> GoRunner:
        return GoRunner(python=environment.python, tests=project.tests)

    def canary(self, project: GoProject, beside: str, text: bytes, like: str) -> Canary:  # noqa: ARG002
        return make_canary(beside, text)
