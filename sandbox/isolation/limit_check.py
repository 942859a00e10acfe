"""Compares the limits asked for with those read back from inside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.base import MEBIBYTE, Limits
from sandbox.errors import LimitNotEnforced


def check_groups(found: Mapping[str, Any], limits: Limits, cpus: float) -> None:
    """Raise LimitNotEnforced unless control groups hold memory, processes and CPU.

    `cpus` is what was asked of the machine: never more than it has.
    """
    _at_most("memory_bytes", found.get("memory_bytes"), limits.memory_bytes)
    _at_most("processes", found.get("processes"), limits.processes)
    _at_most("cpus", found.get("cpus"), cpus + 0.01)


def check_rlimits(found: Mapping[str, Any], limits: Limits) -> None:
    """Raise LimitNotEnforced unless resource limits hold every process."""
    rlimits = found.get("rlimits", {})
    _at_most("address space", rlimits.get("RLIMIT_AS"), limits.memory_bytes * 4)
    _at_most("file size", rlimits.get("RLIMIT_FSIZE"), limits.workspace_bytes)


def check_file_systems(found: Mapping[str, Any], limits: Limits, paths: tuple[str, ...]) -> None:
    """Raise LimitNotEnforced unless the writable file systems have the size asked for."""
    sizes = found.get("file_systems", {})
    for path in paths:
        size = sizes.get(path, {}).get("bytes")
        _at_most(f"size of {path}", size, limits.workspace_bytes + MEBIBYTE)


def check_privileges(found: Mapping[str, Any]) -> None:
    """Raise LimitNotEnforced unless code inside is unprivileged and has no network."""
    if found.get("CapEff") != 0 or found.get("NoNewPrivs") != 1 or found.get("uid") == 0:
        raise LimitNotEnforced(
            "code inside the sandbox would keep privileges"
            f" (uid {found.get('uid')}, CapEff {found.get('CapEff')},"
            f" NoNewPrivs {found.get('NoNewPrivs')}); refusing to run it"
        )
    interfaces = set(found.get("interfaces", ()))
    # The kernel puts these into every new network namespace; all but `lo` are down.
    foreign = {name for name in interfaces if name.startswith(("eth", "en", "wl", "veth", "tap"))}
    if foreign:
        raise LimitNotEnforced(f"the sandbox has a network ({', '.join(sorted(foreign))})")


def _at_most(what: str, found: object, asked: float) -> None:
    if not isinstance(found, int | float) or not 0 < found <= asked:
        raise LimitNotEnforced(
            f"the limit on {what} is not in force inside the sandbox"
            f" (asked for {asked:g}, found {found}); refusing to run untrusted code in it"
        )
