"""Looks at a sandbox from inside: what `repair doctor` shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.base import MEBIBYTE, Limits
from sandbox.engines.choose import AnySandbox, empty_session
from sandbox.engines.process import NO_ISOLATION_WARNING, ProcessSandbox
from sandbox.errors import SandboxError
from sandbox.host.untrusted_json import Malformed, read_json

PROBE_LIMITS = Limits(
    memory_bytes=512 * MEBIBYTE, processes=64, cpus=1.0, workspace_bytes=64 * MEBIBYTE
)
ROUNDING_FACTOR = 1.01
"""The kernel keeps shares of a CPU as whole numbers."""
# Each check tries the forbidden thing and prints the error it met; null is "it worked".
PROBE_SCRIPT = """
import json, os, socket, sys
def attempt(action):
    try:
        action()
    except Exception as error:
        return type(error).__name__ + ": " + str(error)
    return None
def tcp(address, family=socket.AF_INET):
    with socket.socket(family, socket.SOCK_STREAM) as s:
        s.settimeout(2)
        s.connect(address)
def udp():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"x", ("192.0.2.1", 9))
def engine():
    with socket.socket(socket.AF_UNIX) as s:
        s.connect("/var/run/docker.sock")
def write(path):
    with open(path, "w") as file:
        file.write("x")
print(json.dumps({
    "TCP": attempt(lambda: tcp(("192.0.2.1", 80))),
    "IPv6": attempt(lambda: tcp(("2001:db8::1", 80), socket.AF_INET6)),
    "metadata service": attempt(lambda: tcp(("169.254.169.254", 80))),
    "UDP": attempt(udp),
    "DNS": attempt(lambda: socket.getaddrinfo("example.com", 80)),
    "Docker socket": attempt(engine),
    "write to /usr": attempt(lambda: write("/usr/probe")),
    "write to /": attempt(lambda: write("/probe")),
    "write to /proc/sys": attempt(lambda: write("/proc/sys/kernel/domainname")),
}))
"""


@dataclass(frozen=True, kw_only=True)
class ProbeRow:
    """One check of a sandbox, whether it holds and what was seen."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, kw_only=True)
class ProbeReport:
    """All checks of one sandbox, made by code inside it."""

    sandbox: str
    rows: tuple[ProbeRow, ...]

    @property
    def ok(self) -> bool:
        return all(row.ok for row in self.rows)


def probe(sandbox: AnySandbox) -> ProbeReport:
    """Open a small sandbox and try what must not work in it. Takes about a second."""
    try:
        rows = _rows(sandbox)
    except SandboxError as error:
        rows = [ProbeRow(name="opens", ok=False, detail=str(error))]
    return ProbeReport(sandbox=sandbox.name, rows=tuple(rows))


def _rows(sandbox: AnySandbox) -> list[ProbeRow]:
    if isinstance(sandbox, ProcessSandbox):
        # Trying would be doing: there is nothing between the attempts and this machine.
        return [ProbeRow(name="isolation", ok=False, detail=NO_ISOLATION_WARNING)]
    environment = sandbox.bare()
    with empty_session(sandbox, environment, PROBE_LIMITS) as session:
        limits_in_force = session.read_limits()
        result = session.run([environment.python, "-I", "-c", PROBE_SCRIPT], timeout_seconds=30)
    version = ".".join(map(str, environment.python_version))
    rows = [ProbeRow(name="opens", ok=True, detail=f"with Python {version}")]
    rows += _limit_rows(limits_in_force)
    try:
        attempts = read_json(result.stdout, _is_attempts)
    except Malformed:
        return [*rows, ProbeRow(name="probe", ok=False, detail=result.stderr[-500:])]
    rows += [
        ProbeRow(name=f"no {name}", ok=obstacle is not None, detail=obstacle or "it worked")
        for name, obstacle in attempts.items()
    ]
    return rows


def _limit_rows(limits_in_force: Mapping[str, Any]) -> list[ProbeRow]:
    requests = {
        "memory_bytes": PROBE_LIMITS.memory_bytes,
        "memory_and_swap_bytes": PROBE_LIMITS.memory_bytes,
        "processes": PROBE_LIMITS.processes,
        "cpus": PROBE_LIMITS.cpus,
    }
    rows = []
    for name, limit in requests.items():
        value = limits_in_force.get(name)
        ok = isinstance(value, int | float) and 0 <= value <= limit * ROUNDING_FACTOR
        detail = f"{_amount(name, value)}, asked for {_amount(name, limit)}"
        if not ok:
            detail += "; held by resource limits and a watch instead of a control group"
        rows.append(ProbeRow(name=f"limit on {name}", ok=ok, detail=detail))
    caps, privileges = limits_in_force.get("CapEff"), limits_in_force.get("NoNewPrivs")
    rows += [
        ProbeRow(name="no capabilities", ok=caps == 0, detail=f"CapEff={caps}"),
        ProbeRow(name="no new privileges", ok=privileges == 1, detail=f"NoNewPrivs={privileges}"),
        ProbeRow(
            name="system-call filter",
            ok=limits_in_force.get("Seccomp") == 2,
            detail=f"Seccomp={limits_in_force.get('Seccomp')}",
        ),
        ProbeRow(
            name="not root",
            ok=limits_in_force.get("uid") != 0,
            detail=f"uid {limits_in_force.get('uid')}",
        ),
    ]
    return rows


def _is_attempts(value: Any) -> bool:
    """What was tried → the obstacle, or None where it worked."""
    return isinstance(value, dict) and all(
        obstacle is None or isinstance(obstacle, str) for obstacle in value.values()
    )


def _amount(name: str, value: Any) -> str:
    if not isinstance(value, int | float):
        return "none"
    return f"{value / MEBIBYTE:g} MiB" if name.endswith("bytes") else f"{value:.3g}"
