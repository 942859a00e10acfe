"""What a sandbox looks like from inside, the same with Docker and with bubblewrap."""

from __future__ import annotations

from sandbox.base import MEBIBYTE, Limits
from sandbox.machine_identity import SHARED_MEMORY, TEMPORARY, WORKSPACE

WRITABLE_PATHS = (WORKSPACE, TEMPORARY, SHARED_MEMORY)
SANDBOX_UID = 65532
"""User and group of the code under test where a session can have none of its own, see
`sandbox.isolation.users`."""
SHARED_MEMORY_BYTES = 64 * MEBIBYTE
BUILD_LIMITS = Limits(memory_bytes=4096 * MEBIBYTE, workspace_bytes=4096 * MEBIBYTE, processes=1024)
"""Compilers need more than tests; a session's own limits come with `open`."""


def sizes(limits: Limits, workspace: str = WORKSPACE) -> dict[str, int]:
    """Return the bytes of each writable file system; `workspace` is the path of the workspace."""
    shared_bytes = min(SHARED_MEMORY_BYTES, limits.workspace_bytes)
    return {
        workspace: limits.workspace_bytes,
        TEMPORARY: limits.workspace_bytes,
        SHARED_MEMORY: shared_bytes,
    }
