"""Environment variables of commands in a sandbox: made from nothing, never the host's."""

from __future__ import annotations

from collections.abc import Mapping

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


def command_variables(
    path: str, extra: Mapping[str, str], workspace: str, temporary: str
) -> dict[str, str]:
    """Return every variable of a session's commands; `path` comes first on PATH."""
    base = {
        "PATH": f"{path}:{SYSTEM_PATH}",
        "HOME": temporary,
        "TMPDIR": temporary,
        "LANG": "C.UTF-8",
        "USER": "repair",
    }
    return base | {name: value.replace("{workspace}", workspace) for name, value in extra.items()}
