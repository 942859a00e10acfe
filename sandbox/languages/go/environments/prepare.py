"""From a Go project and its snapshot to a Go with its modules."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

from sandbox.base import Environment, EnvironmentBuilder, Interpreter, Sandbox
from sandbox.environments.kept import kept_environment
from sandbox.environments.toolchain_probe import ask, places
from sandbox.host.untrusted_json import is_texts, read_json
from sandbox.isolation.owner import scratch_folder
from sandbox.languages.base import SessionSetup
from sandbox.languages.go.detection.project import GoProject
from sandbox.languages.go.environments.installer import COMPILED, MODULES, Installer
from sandbox.languages.go.environments.recipe import GoRecipe, write_recipe
from sandbox.languages.go.environments.toolchain import (
    GoInstallation,
    best,
    find_go,
    go_of_this_machine,
    missing,
    told,
)
from sandbox.snapshots.snapshot import Snapshot
from sandbox.snapshots.tarball import empty_tar

_TOOLCHAIN, _LEFT_OUT = "REPAIR_TOOLCHAIN", "REPAIR_LEFT_OUT"
"""Set in a sealed environment: what it has, and what could not be installed."""
_MAX_SENTENCES = 20
COMPILED_VARIABLE = "REPAIR_COMPILED"
"""Where what was compiled once lies, for `guest_programs`."""
_VARIABLES = {
    "GOENV": "off",
    "GOTOOLCHAIN": "local",
    "GOPROXY": "off",
    "GOTELEMETRY": "off",
    "GOFLAGS": "-buildvcs=false -p=2",
    "GOPATH": "/tmp/.go-path",  # noqa: S108 - inside, and of one session
    "GOCACHE": "/tmp/.go-build",  # noqa: S108 - likewise
}
"""Nothing is downloaded, no go.mod is changed, and no setting of a user counts. `-p`: what compiles
at once shares the memory of one sandbox."""


def prepare_environment(
    sandbox: Sandbox,
    project: GoProject,
    snapshot: Snapshot,
    on_progress: Callable[[str], None],
    *,
    owner: str = "",
) -> SessionSetup:
    """The project's environment, built once for each recipe and Go and, where a command of the
    user's installs it, for this snapshot of this owner alone.

    Raises ToolchainNotFound, PythonNotFound, InstallFailed, DiskFull, or what the sandbox raises.
    """
    interpreter, go, folders = _choose(sandbox, project)
    wanted = f"; go.mod asks for {told(project.go_version)}" if project.go_version else ""
    where = "this machine's, mounted" if folders else "the one that the sandbox has"
    on_progress(f"{go.told}: {where}{wanted}")
    work = _Work(sandbox, interpreter, go, folders, snapshot, on_progress)
    original, is_reused = work.environment(write_recipe(project, snapshot), owner)
    prefix = Path(original.python).parent.parent
    variables = {
        **_VARIABLES,
        "GOROOT": go.root,
        "GOMODCACHE": f"{prefix}/{MODULES}",
        COMPILED_VARIABLE: f"{prefix}/{COMPILED}",
        **project.variables,
    }
    return SessionSetup(
        environment=dataclasses.replace(
            original,
            variables=variables,
            toolchain=original.variables[_TOOLCHAIN],
            folders=folders,
        ),
        source=snapshot.tar,
        reused=is_reused,
        left_out=tuple(read_json(original.variables.get(_LEFT_OUT, "[]"), is_texts)),
    )


def _choose(
    sandbox: Sandbox, project: GoProject
) -> tuple[Interpreter, GoInstallation, tuple[str, ...]]:
    """A Go, the Python beside it that the sandbox itself needs, and the folders of this machine
    that are mounted for it."""
    wanted = project.go_version
    of_machine = best(go_of_this_machine(), wanted)
    folders = () if of_machine is None else (of_machine.root,)
    candidates: list[GoInstallation] = []
    first: Interpreter | None = None
    for interpreter in places(sandbox):
        first = first or interpreter
        found = ask(sandbox, interpreter, find_go)
        go = best(found, wanted)
        if go is not None:
            return interpreter, go, ()
        candidates += found
    if first is not None and folders:
        # Go brings all that it needs: that of this machine runs in any image.
        found = ask(sandbox, first, partial(find_go, folders=folders), folders)
        go = best([one for one in found if one.root in folders], wanted)
        if go is not None:
            return first, go, folders
    raise missing(sandbox.name, [*candidates, *go_of_this_machine()], wanted)


@dataclasses.dataclass(frozen=True)
class _Work:
    """Finds environments, and builds those that are not there."""

    sandbox: Sandbox
    interpreter: Interpreter
    go: GoInstallation
    folders: tuple[str, ...]
    snapshot: Snapshot
    say: Callable[[str], None]

    def environment(self, recipe: GoRecipe, owner: str) -> tuple[Environment, bool]:
        """The environment, and whether it was there already."""
        key_parts = (
            *self.sandbox.environment_key_parts(self.interpreter),
            self.go.root,
            self.go.told,
            *self.folders,
        )
        shared_with = (self.snapshot.digest, owner) if recipe.runs_code else ()
        key = recipe.key(key_parts, *shared_with)
        environment = kept_environment(self.sandbox, key, self.say)
        if environment is not None:
            return environment, True
        return self._built(key, recipe), False

    def _built(self, key: str, recipe: GoRecipe) -> Environment:
        with scratch_folder() as folder:
            source = self.snapshot.tar
            if not recipe.runs_code:  # no file of the project is there that could be run
                source = Path(folder) / "nothing.tar"
                source.write_bytes(empty_tar())
            builder = self.sandbox.build(key, self.interpreter, source, folders=self.folders)
            try:
                return self._fill(builder, recipe)
            finally:
                builder.discard()

    def _fill(self, builder: EnvironmentBuilder, recipe: GoRecipe) -> Environment:
        installer = Installer(builder, self.interpreter.path, self.go, self.say)
        for path, _ in recipe.digests:
            builder.session.write(path, self.snapshot.read(path))
        installer.place_programs()
        installer.compile_standard(recipe)
        installer.install(recipe)
        variables = {_TOOLCHAIN: self.go.told}
        if installer.left_out:
            variables[_LEFT_OUT] = json.dumps(installer.left_out[:_MAX_SENTENCES])
        return builder.seal(
            python=f"{builder.prefix}/bin/python",
            python_version=self.interpreter.version,
            variables=variables,
        )
