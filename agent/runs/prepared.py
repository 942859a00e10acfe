"""Snapshot, environment and commands of a prepared target, from which a run is rebuilt."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.base import Environment
from sandbox.languages.choose import AnyProject


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Snapshot, environment and test command of the target that a run repairs."""

    sandbox: str
    """The one chosen; a resumed run uses the same."""
    snapshot: str
    """Name of the index file in the run's snapshot folder."""
    project: AnyProject
    environment: Environment
    source: str
    """Path of the tar that sessions start from: the snapshot and what its installation added."""
    not_built: tuple[str, ...] = ()
    """Compiled modules that the project declares and its installation did not make, one sentence
    each."""
    packages: tuple[str, ...] = ()
    """`NAME==VERSION` of what the environment holds, and what built the project."""
    base_commit: str | None = None
    """Where the same files can be had again; None for a work tree with changes of its own."""
