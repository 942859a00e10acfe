"""An environment of given packages, in a sandbox or beside it, for benchmarks that bring their own
project."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.reporting import say
from sandbox.base import Environment, Interpreter, Sandbox
from sandbox.languages.python.environments.installation.installer import Installer
from sandbox.languages.python.environments.recipe import Recipe
from sandbox.snapshots.snapshot import Snapshot


def environment_of(
    sandbox: Sandbox, interpreter: Interpreter, recipe: Recipe, snapshot: Snapshot
) -> Environment:
    """Build it, or return the one that is there. Raises SandboxError."""
    key = recipe.key(sandbox.environment_key_parts(interpreter))
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


def plain_environment(folder: Path, requirements: Sequence[str]) -> Path:
    """Make a virtual environment on this machine; returns its interpreter."""
    subprocess.run([sys.executable, "-I", "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    subprocess.run(
        [str(python), "-I", "-m", "pip", "install", "-q", *requirements],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    return python
