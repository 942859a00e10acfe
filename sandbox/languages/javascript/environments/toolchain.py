"""Which Node a sandbox has, asked inside it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.base import Session
from sandbox.errors import ToolchainNotFound

OLDEST_NODE = (18, 0)
"""node:test and its reporters as they are used here."""
_PROBE_SECONDS = 120.0
"""A machine with other work takes its time to start npm; one without npm answers at once."""
_SCRIPT = "command -v node && node --version && npm --version; exit 0"
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True, kw_only=True)
class NodeInstallation:
    """A Node in a sandbox, with its npm."""

    path: str
    version: tuple[int, int, int]
    npm: str
    """Version of npm; empty where there is none."""

    @property
    def told(self) -> str:
        return f"Node {'.'.join(map(str, self.version))}"


def find_node(session: Session) -> NodeInstallation | None:
    """The Node on the session's PATH; None where none runs."""
    result = session.run(["sh", "-c", _SCRIPT], timeout_seconds=_PROBE_SECONDS)
    lines = [line.strip() for line in result.stdout.splitlines() if line.strip()]
    match = _VERSION.fullmatch(lines[1]) if len(lines) > 1 else None
    if match is None or not lines[0].startswith("/"):
        return None
    numbers = (int(match[1]), int(match[2]), int(match[3]))
    return NodeInstallation(path=lines[0], version=numbers, npm=lines[2] if len(lines) > 2 else "")


def missing(sandbox: str, wanted: str | None) -> ToolchainNotFound:
    """The error where no Node is to be had."""
    oldest = OLDEST_NODE[0]
    requirement = f" (its files ask for {wanted})" if wanted else ""
    how = (
        "name a Docker image that has Node, npm and Python 3 with REPAIR_DOCKER_IMAGE, such as"
        " node:22-bookworm"
        if sandbox == "docker"
        else "install Node and npm under /usr or /usr/local, where the sandbox sees them, or use"
        " --sandbox docker with an image that has them"
    )
    return ToolchainNotFound(
        f"the project needs Node {oldest} or newer{requirement}, and this sandbox has none: {how}"
    )


def too_old(node: NodeInstallation) -> ToolchainNotFound:
    return ToolchainNotFound(
        f"{node.told} is too old: tests need Node {OLDEST_NODE[0]} or newer; install one"
    )


def usable(found: Sequence[NodeInstallation]) -> NodeInstallation | None:
    """The first that is new enough."""
    return next((node for node in found if node.version[:2] >= OLDEST_NODE), None)
