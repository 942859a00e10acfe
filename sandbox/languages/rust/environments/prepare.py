"""From a Rust project and its snapshot to a Rust with its packages."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path

from sandbox.base import Environment, EnvironmentBuilder, Interpreter, Sandbox
from sandbox.environments.kept import kept_environment
from sandbox.environments.toolchain_probe import ask, places
from sandbox.isolation.owner import scratch_folder
from sandbox.languages.base import SessionSetup
from sandbox.languages.rust.detection.project import RustProject
from sandbox.languages.rust.environments.installer import PACKAGES, Installer
from sandbox.languages.rust.environments.recipe import RustRecipe, write_recipe
from sandbox.languages.rust.environments.toolchain import (
    RustInstallation,
    best,
    find_rust,
    missing,
    no_linker,
    out_of_reach,
    rust_of_this_machine,
    told,
)
from sandbox.snapshots.snapshot import Snapshot
from sandbox.snapshots.tarball import empty_tar

_TOOLCHAIN = "REPAIR_TOOLCHAIN"
"""Set in a sealed environment: what it has."""
PACKAGES_VARIABLE = "REPAIR_PACKAGES"
"""Where what was downloaded lies, for `guest_programs`."""
_VARIABLES = {
    "CARGO_HOME": "/tmp/.cargo-home",  # noqa: S108 - inside, and of one session
    "CARGO_TARGET_DIR": "/tmp/.cargo-target",  # noqa: S108 - likewise
    "CARGO_NET_OFFLINE": "true",
    "CARGO_TERM_COLOR": "never",
    "CARGO_BUILD_JOBS": "2",
    "CARGO_PROFILE_TEST_DEBUG": "line-tables-only",
    "CARGO_PROFILE_DEV_DEBUG": "line-tables-only",
}
"""Nothing is downloaded, and nothing is built in the project's folder. Jobs that compile at once
share the memory of one sandbox; of what debuggers read, the lines of a backtrace are enough."""


def prepare_environment(
    sandbox: Sandbox,
    project: RustProject,
    snapshot: Snapshot,
    on_progress: Callable[[str], None],
    *,
    owner: str = "",
) -> SessionSetup:
    """The project's environment, built once for each recipe and Rust and, where a command of the
    user's installs it, for this snapshot of this owner alone.

    Raises ToolchainNotFound, PythonNotFound, InstallFailed, DiskFull, or what the sandbox raises.
    """
    interpreter, rust, folders = _choose(sandbox, project)
    asked = f"; the project asks for {told(project.rust_version)}" if project.rust_version else ""
    where = "this machine's, mounted" if folders else "the one that the sandbox has"
    on_progress(f"{rust.told}: {where}{asked}")
    work = _Work(sandbox, interpreter, rust, folders, snapshot, on_progress)
    original, is_reused = work.environment(write_recipe(project, snapshot), owner)
    prefix = Path(original.python).parent.parent
    variables = {**_VARIABLES, PACKAGES_VARIABLE: f"{prefix}/{PACKAGES}", **project.variables}
    return SessionSetup(
        environment=dataclasses.replace(
            original,
            variables=variables,
            toolchain=original.variables[_TOOLCHAIN],
            folders=folders,
        ),
        source=snapshot.tar,
        reused=is_reused,
    )


def _choose(
    sandbox: Sandbox, project: RustProject
) -> tuple[Interpreter, RustInstallation, tuple[str, ...]]:
    """A Rust, the Python beside it that the sandbox itself needs, and the folders of this machine
    that are mounted for it."""
    wanted, channel = project.rust_version, project.channel
    candidates: list[RustInstallation] = []
    linking: list[Interpreter] = []
    for interpreter in places(sandbox):
        found = ask(sandbox, interpreter, find_rust)
        rust = best(found.installations, wanted, channel)
        if rust is not None and found.links:
            return interpreter, rust, ()
        candidates += found.installations
        linking += [interpreter] if found.links else []
    of_machine = rust_of_this_machine()
    if of_machine and linking:
        # Beside `cc` Rust brings all that it needs: that of this machine runs in any image.
        question = partial(find_rust, folders=of_machine)
        found = ask(sandbox, linking[0], question, of_machine)
        mounted = [one for one in found.installations if one.root in of_machine]
        rust = best(mounted, wanted, channel)
        if rust is not None:
            return linking[0], rust, (rust.root,)
        if not mounted and not candidates:
            raise out_of_reach(of_machine)
        candidates += mounted
    if not linking and (of_machine or candidates):
        raise no_linker(sandbox.name)
    raise missing(sandbox.name, candidates, wanted, channel)


@dataclasses.dataclass(frozen=True)
class _Work:
    """Finds environments, and builds those that are not there."""

    sandbox: Sandbox
    interpreter: Interpreter
    rust: RustInstallation
    folders: tuple[str, ...]
    snapshot: Snapshot
    say: Callable[[str], None]

    def environment(self, recipe: RustRecipe, owner: str) -> tuple[Environment, bool]:
        """The environment, and whether it was there already."""
        key_parts = (
            *self.sandbox.environment_key_parts(self.interpreter),
            self.rust.root,
            self.rust.told,
            *self.folders,
        )
        shared_with = (self.snapshot.digest, owner) if recipe.runs_code else ()
        key = recipe.key(key_parts, *shared_with)
        environment = kept_environment(self.sandbox, key, self.say)
        if environment is not None:
            return environment, True
        return self._built(key, recipe), False

    def _built(self, key: str, recipe: RustRecipe) -> Environment:
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

    def _fill(self, builder: EnvironmentBuilder, recipe: RustRecipe) -> Environment:
        installer = Installer(builder, self.interpreter.path, self.rust, self.say)
        for path in recipe.sources:
            builder.session.write(path, b"")
        for path, _ in recipe.digests:
            builder.session.write(path, self.snapshot.read(path))
        installer.place_programs()
        installer.install(recipe)
        return builder.seal(
            python=f"{builder.prefix}/bin/python",
            python_version=self.interpreter.version,
            variables={_TOOLCHAIN: self.rust.told},
        )
