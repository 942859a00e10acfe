"""From a project and its snapshot to an interpreter that can run its tests."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

from sandbox.base import Environment, Interpreter, Limits, Sandbox
from sandbox.installer import Installer
from sandbox.interpreter_choice import choose_interpreter
from sandbox.products import merge_products, pack_products, read_products
from sandbox.project import Project
from sandbox.recipe import Recipe, write_recipe
from sandbox.snapshot import Snapshot

_PRODUCTS = "REPAIR_PRODUCTS"
"""Set in a sealed environment when its installation added files to the workspace."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Built:
    """What every session of a run is opened with: `sandbox.open(environment, source, limits)`."""

    environment: Environment
    source: Path
    """The snapshot's tar, or one beside it that also holds what the installation generated."""
    reused: bool
    """It was there already; nothing was installed."""


def prepare_environment(
    sandbox: Sandbox,
    project: Project,
    snapshot: Snapshot,
    on_progress: Callable[[str], None],
    *,
    pytest_below: int | None = None,
) -> Built:
    """Return the project's environment, built once for each recipe and interpreter.

    `pytest_below` is a major version that is too new for the project.

    Raises PythonNotFound, InstallFailed, DiskFull, or what the sandbox raises.
    """
    interpreter, why = choose_interpreter(
        project, sandbox.interpreters(), on_host=sandbox.name != "docker"
    )
    on_progress(f"Python {'.'.join(map(str, interpreter.version))}: {why}")
    recipe = write_recipe(project, snapshot, pytest_below)
    key = recipe.key(sandbox.name, interpreter)
    found = sandbox.environment(key)
    sealed = found or _build(sandbox, key, interpreter, recipe, snapshot, on_progress)
    environment = dataclasses.replace(sealed, variables=_variables(project))
    return Built(
        environment=environment,
        source=_source(sandbox, sealed, snapshot),
        reused=found is not None,
    )


def _build(
    sandbox: Sandbox,
    key: str,
    interpreter: Interpreter,
    recipe: Recipe,
    snapshot: Snapshot,
    on_progress: Callable[[str], None],
) -> Environment:
    builder = sandbox.build(key, interpreter, snapshot.tar)
    try:
        installer = Installer(builder, interpreter, recipe, snapshot, on_progress)
        installer.install()
        variables = {}
        if not recipe.only_base:
            added = pack_products(builder.session, installer.python, builder.prefix, snapshot)
            variables = {_PRODUCTS: str(added)} if added else {}
        return builder.seal(
            python=installer.python, python_version=interpreter.version, variables=variables
        )
    finally:
        builder.discard()


def _variables(project: Project) -> Mapping[str, str]:
    """Import from the workspace itself, whatever path an editable installation has recorded
    and whatever release of the same package the environment holds."""
    roots = [
        "{workspace}" if root == "." else f"{{workspace}}/{root}" for root in project.import_roots
    ]
    return {"PYTHONPATH": ":".join(roots)}


def _source(sandbox: Sandbox, sealed: Environment, snapshot: Snapshot) -> Path:
    if _PRODUCTS not in sealed.variables:
        return snapshot.tar
    merged = snapshot.tar.with_name(f"{snapshot.digest}-{sealed.key}.tar")
    if merged.exists():
        return merged
    prefix = PurePosixPath(sealed.python).parent.parent.as_posix()
    with sandbox.open(sealed, snapshot.tar, Limits()) as session:
        products = read_products(session, prefix)
    return merge_products(products, snapshot, merged)
