"""Python, as every language is asked."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.base import Environment, Sandbox
from sandbox.languages.base import Abilities, Canary, SessionSetup
from sandbox.languages.python.canary import make_canary
from sandbox.languages.python.detection.project import PythonProject
from sandbox.languages.python.environments.prepare import prepare_environment
from sandbox.languages.python.runners.choose_runner import choose_runner
from sandbox.runners.base import TestRunner
from sandbox.snapshots.snapshot import Snapshot


class Python:
    """Implements `sandbox.languages.base.Language`."""

    name = "Python"
    abilities = Abilities(lines=True, copies=True, statements=True)

    def prepare(
        self,
        sandbox: Sandbox,
        project: PythonProject,
        snapshot: Snapshot,
        on_progress: Callable[[str], None],
        *,
        owner: str = "",
        runner_below: int | None = None,
    ) -> SessionSetup:
        return prepare_environment(
            sandbox, project, snapshot, on_progress, pytest_below=runner_below, owner=owner
        )

    def canary(self, project: PythonProject, beside: str, text: bytes, like: str) -> Canary:  # noqa: ARG002
        return make_canary(beside, like)

    def runner(self, project: PythonProject, environment: Environment) -> TestRunner:
        return choose_runner(project, environment.python)
