"""From a JavaScript project and its snapshot to a Node with its packages."""

from __future__ import annotations

import dataclasses
import json
import posixpath
from collections.abc import Callable
from pathlib import Path

from sandbox.base import Environment, EnvironmentBuilder, Interpreter, Limits, Sandbox
from sandbox.environments.build_products import merge_products, pack_products, read_products
from sandbox.environments.kept import kept_environment
from sandbox.environments.toolchain_probe import ask, places
from sandbox.isolation.owner import scratch_folder
from sandbox.languages.base import SessionSetup
from sandbox.languages.javascript.detection.package_file import PackageFiles
from sandbox.languages.javascript.detection.project import JavaScriptProject
from sandbox.languages.javascript.detection.variables import allowed_variables
from sandbox.languages.javascript.detection.workspace.members import member_folders
from sandbox.languages.javascript.environments.npm import MEMBERS, Npm, folders_kept
from sandbox.languages.javascript.environments.recipe import Recipe, write_recipe
from sandbox.languages.javascript.environments.toolchain import (
    NodeInstallation,
    find_node,
    missing,
    too_old,
    usable,
)
from sandbox.snapshots.snapshot import Snapshot
from sandbox.snapshots.tarball import empty_tar

PACKAGES = "node_modules"
_TOOLCHAIN = "REPAIR_TOOLCHAIN"
_PRODUCTS = "REPAIR_PRODUCTS"
_PACKAGES = "REPAIR_PACKAGES"
_LEFT_OUT = "REPAIR_LEFT_OUT"
"""Set in a sealed environment: what it has (folders with packages, as JSON), and what could not be
installed."""
_MAX_SENTENCES = 20
_NOT_KEPT = f"{PACKAGES} is part of the repository: what --install put there is not kept"


def prepare_environment(
    sandbox: Sandbox,
    project: JavaScriptProject,
    snapshot: Snapshot,
    on_progress: Callable[[str], None],
    *,
    owner: str = "",
) -> SessionSetup:
    """The project's environment, built once for each recipe and Node and, where files of the
    project are read or run while it is built, for this snapshot of this owner alone.

    Raises ToolchainNotFound, PythonNotFound, InstallFailed, DiskFull, or what the sandbox raises.
    """
    interpreter, node = _choose(sandbox, project)
    requirement = f"; its files ask for {project.node}" if project.node else ""
    on_progress(f"{node.told}: the one that the sandbox has{requirement}")
    work = _Work(sandbox, interpreter, node, snapshot, on_progress)
    original, is_reused = work.environment(write_recipe(project, snapshot), owner)
    return SessionSetup(
        environment=dataclasses.replace(
            original,
            variables=_variables(project),
            toolchain=original.variables[_TOOLCHAIN],
        ),
        source=_source(sandbox, original, snapshot),
        reused=is_reused,
        left_out=tuple(map(str, json.loads(original.variables.get(_LEFT_OUT, "[]")))),
    )


def _variables(project: JavaScriptProject) -> dict[str, str]:
    """The tests' own variables, as far as all packages set them: each run sets its own."""
    first, *others = (dict(allowed_variables(one.tests.variables)) for one in project.packages)
    common = {
        name: value for name, value in first.items() if all(v.get(name) == value for v in others)
    }
    return {**common, **project.variables}


def _choose(sandbox: Sandbox, project: JavaScriptProject) -> tuple[Interpreter, NodeInstallation]:
    """A Node, and the Python beside it that the sandbox itself needs."""
    candidates: list[tuple[Interpreter, NodeInstallation]] = []
    for interpreter in places(sandbox):
        node = ask(sandbox, interpreter, find_node)
        if node is None:
            continue
        if usable([node]):
            return interpreter, node
        candidates.append((interpreter, node))
    if candidates:
        raise too_old(candidates[0][1])
    raise missing(sandbox.name, project.node)


@dataclasses.dataclass(frozen=True)
class _Work:
    """Finds environments, and builds those that are not there."""

    sandbox: Sandbox
    interpreter: Interpreter
    node: NodeInstallation
    snapshot: Snapshot
    say: Callable[[str], None]

    def environment(self, recipe: Recipe, owner: str) -> tuple[Environment, bool]:
        """The environment, and whether it was there already."""
        key_parts = (
            *self.sandbox.environment_key_parts(self.interpreter),
            self.node.path,
            self.node.told,
        )
        shared_with = (self.snapshot.digest, owner) if recipe.runs_code else ()
        key = recipe.key((*key_parts, self.node.npm), *shared_with)
        environment = kept_environment(self.sandbox, key, self.say)
        if environment is not None:
            return environment, True
        return self._built(key, recipe), False

    def _built(self, key: str, recipe: Recipe) -> Environment:
        with scratch_folder() as folder:
            source = self.snapshot.tar
            if not recipe.runs_code:  # no file of the project is there that could be run
                source = Path(folder) / "nothing.tar"
                source.write_bytes(empty_tar())
            builder = self.sandbox.build(key, self.interpreter, source)
            try:
                return self._fill(builder, recipe)
            finally:
                builder.discard()

    def _fill(self, builder: EnvironmentBuilder, recipe: Recipe) -> Environment:
        npm = Npm(builder, self.interpreter.path, self.node, self.say)
        for path, _ in () if recipe.runs_code else recipe.digests:
            builder.session.write(path, self.snapshot.read(path))
        npm.place_programs()
        variables = {_TOOLCHAIN: self.node.told}
        if recipe.needed:
            npm.install(recipe)
        if _brings_packages(self.snapshot):
            if recipe.command is not None:
                npm.left_out.append(_NOT_KEPT)
        elif kept := npm.keep_packages(_members(self.snapshot)):
            variables[_PACKAGES] = json.dumps(kept)
        if recipe.runs_code:
            products = pack_products(
                builder.session,
                self.interpreter.path,
                builder.prefix,
                self.snapshot,
                skipped=(PACKAGES, ".cache", ".npm", ".git", "__pycache__"),
            )
            variables |= {_PRODUCTS: str(products)} if products else {}
        if npm.left_out:
            variables[_LEFT_OUT] = json.dumps(npm.left_out[:_MAX_SENTENCES])
        return builder.seal(
            python=f"{builder.prefix}/bin/python",
            python_version=self.interpreter.version,
            variables=variables,
        )


def _members(snapshot: Snapshot) -> tuple[str, ...]:
    """Folders of the packages of a workspace that bring no `node_modules` along."""
    folders = member_folders(PackageFiles(snapshot))
    taken = {path.partition(f"/{PACKAGES}/")[0] for path in snapshot.entries}
    return tuple(folder for folder in folders if folder not in taken)


def _links(snapshot: Snapshot, kept: str, prefix: str) -> dict[str, str]:
    """Where `node_modules` of the top, and of members of its workspace, leads to."""
    folders = folders_kept(kept, _members(snapshot))
    places = {folder: f"{MEMBERS}/{folder}/" if folder else "" for folder in folders}
    return {
        posixpath.join(folder, PACKAGES): f"{prefix}/{place}{PACKAGES}"
        for folder, place in places.items()
    }


def _brings_packages(snapshot: Snapshot) -> bool:
    """Whether the place of the link to the packages is taken by files of the project."""
    return any(path.partition("/")[0] == PACKAGES for path in snapshot.entries)


def _source(sandbox: Sandbox, sealed: Environment, snapshot: Snapshot) -> Path:
    """The tar that sessions start from: with what the installation generated, and a link to the
    packages, which every session sees and none can write."""
    if not {_PRODUCTS, _PACKAGES} & sealed.variables.keys():
        return snapshot.tar
    archive = snapshot.tar.with_name(f"{snapshot.digest}-{sealed.key}.tar")
    if archive.exists():
        return archive
    prefix = str(Path(sealed.python).parent.parent)
    links = _links(snapshot, sealed.variables.get(_PACKAGES, "[]"), prefix)
    products = b""
    if _PRODUCTS in sealed.variables:
        with sandbox.open(sealed, snapshot.tar, Limits()) as session:
            products = read_products(session, prefix)
    return merge_products(products, snapshot, archive, links=links)
