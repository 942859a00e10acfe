"""JavaScript and TypeScript, as every language is asked."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.base import Environment, Sandbox
from sandbox.languages.base import Abilities, Canary, SessionSetup
from sandbox.languages.javascript.canary import make_canary
from sandbox.languages.javascript.detection.project import JavaScriptProject
from sandbox.languages.javascript.environments.prepare import prepare_environment
from sandbox.languages.javascript.runners.runner import JavaScriptRunner, node_version
from sandbox.snapshots.snapshot import Snapshot


class JavaScript:
    """Implements `sandbox.languages.base.Language`."""

    name = "JavaScript"
    abilities = Abilities(statements=True)

    def prepare(
        self,
        sandbox: Sandbox,
        project: JavaScriptProject,
        snapshot: Snapshot,
        on_progress: Callable[[str], None],
        *,
        owner: str = "",
        runner_below: int | None = None,  # noqa: ARG002 - npm's lock file decides
    ) -> SessionSetup:
        return prepare_environment(sandbox, project, snapshot, on_progress, owner=owner)

    def runner(self, project: JavaScriptProject, environment: Environment) -> JavaScriptRunner:
        return JavaScriptRunner(
            python=environment.python,
            node_version=node_version(environment.toolchain),
            packages=project.packages,
        )

    def canary(self, project: JavaScriptProject, beside: str, text: bytes, like: str) -> Canary:  # noqa: ARG002
        return make_canary(project, beside, text)
