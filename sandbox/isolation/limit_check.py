"""Compares the limits asked for with those read back from inside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.base import MEBIBYTE, Limits
from sandbox.errors import LimitNotEnforced


def check_groups(limits_in_force: Mapping[str, Any], limits: Limits, cpus: float) -> None:
    """Raise LimitNotEnforced unless control groups hold memory, processes and CPU.

    `cpus` is what was asked of the machine: never more than it has.
    """
    _at_most("memory_bytes", limits_in_force.get("memory_bytes"), limits.memory_bytes)
    _at_most("processes", limits_in_force.get("processes"), limits.processes)
    _at_most("cpus", limits_in_force.get("cpus"), cpus + 0.01)


def check_rlimits(limits_in_force: Mapping[str, Any], limits: Limits) -> None:
    """Raise LimitNotEnforced unless resource limits hold every process."""
    rlimits = limits_in_force.get("rlimits", {})
    _at_most("address space", rlimits.get("RLIMIT_AS"), limits.memory_bytes * 4)
    _at_most("file size", rlimits.get("RLIMIT_FSIZE"), limits.workspace_bytes)


def check_file_systems(
    limits_in_force: Mapping[str, Any], limits: Limits, paths: tuple[str, ...]
) -> None:
    """Raise LimitNotEnforced unless the writable file systems have the size asked for."""
    sizes = limits_in_force.get("file_systems", {})
    for path in paths:
        size = sizes.get(path, {}).get("bytes")
        _at_most(f"size of {path}", size, limits.workspace_bytes + MEBIBYTE)


def check_privileges(limits_in_force: Mapping[str, Any]) -> None:
    """Raise LimitNotEnforced unless code inside is unprivileged and has no network."""
    if (
        limits_in_force.get("CapEff") != 0
        or limits_in_force.get("NoNewPrivs") != 1
        or limits_in_force.get("uid") == 0
    ):
        raise LimitNotEnforced(
            "code inside the sandbox would keep privileges"
            f" (uid {limits_in_force.get('uid')}, CapEff {limits_in_force.get('CapEff')},"
            f" NoNewPrivs {limits_in_force.get('NoNewPrivs')}); refusing to run it"
        )
    interfaces = set(limits_in_force.get("interfaces", ()))
    # The kernel puts these into every new network namespace; all but `lo` are down.
    foreign = {name for name in interfaces if name.startswith(("eth", "en", "wl", "veth", "tap"))}
    if foreign:
        raise LimitNotEnforced(f"the sandbox has a network ({', '.join(sorted(foreign))})")


def _at_most(limit_name: str, value: object, limit: float) -> None:
    if not isinstance(value, int | float) or not 0 < value <= limit:
        raise LimitNotEnforced(
            f"the limit on {limit_name} is not in force inside the sandbox"
            f" (asked for {limit:g}, found {value}); refusing to run untrusted code in it"
        )
