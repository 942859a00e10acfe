"""Environment variables of commands in a sandbox: made from nothing, never the host's."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.machine_identity import MachineIdentity


def command_variables(
    path: str, extra: Mapping[str, str], identity: MachineIdentity
) -> dict[str, str]:
    """Return every variable of a session's commands; `path` comes first on PATH."""
    base = {
        "PATH": f"{path}:{identity.system_path}",
        "HOME": identity.home,
        **({"TMPDIR": identity.temporary} if identity.temporary else {}),
        "LANG": "C.UTF-8",
        "USER": identity.user,
        **identity.variables,
    }
    workspace = identity.workspace
    return base | {name: value.replace("{workspace}", workspace) for name, value in extra.items()}
