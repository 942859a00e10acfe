"""An environment of given packages in a sandbox, for benchmarks that bring their own project."""

from __future__ import annotations

from benchmarks.common import say
from sandbox.base import Environment, Interpreter, Sandbox
from sandbox.installer import Installer
from sandbox.recipe import Recipe
from sandbox.snapshot import Snapshot


def environment_of(
    sandbox: Sandbox, interpreter: Interpreter, recipe: Recipe, snapshot: Snapshot
) -> Environment:
    """Build it, or return the one that is there. Raises SandboxError."""
    key = recipe.key(sandbox.name, interpreter)
    sealed = sandbox.environment(key)
    if sealed is not None:
        return sealed
    builder = sandbox.build(key, interpreter, snapshot.tar)
    try:
        installer = Installer(builder, interpreter, recipe, snapshot, say)
        installer.install()
        return builder.seal(
            python=installer.python, python_version=interpreter.version, variables={}
        )
    finally:
        builder.discard()
