"""A Redis of the service's own, on one machine: loopback only, behind a password, kept on disk."""

from __future__ import annotations

import secrets
from pathlib import Path

from sandbox.host import programs
from sandbox.host.private_files import close_to_others, private_file, private_folder
from workers.errors import BrokerUnavailable
from workers.host.supervisor import ServiceProcess

INSTALL_ADVICE = (
    "install it (Debian and Ubuntu: apt-get install redis-server; macOS: brew install redis), or "
    "give the URL of one in REPAIR_REDIS_URL"
)
CONFIGURATION = """\
bind 127.0.0.1
port {port}
dir "{folder}"
requirepass {password}
appendonly yes
appendfsync everysec
maxmemory-policy noeviction
save ""
loglevel warning
"""
"""The password keeps out the machine's other users; what is in the append-only file comes back."""


def local_redis(folder: Path, port: int) -> tuple[ServiceProcess, str]:
    """How to start it, and its URL. Raises BrokerUnavailable with what to do."""
    program = programs.program("redis-server")
    if program is None:
        raise BrokerUnavailable(f"there is no Redis on this machine: {INSTALL_ADVICE}")
    private_folder(folder)
    password = _password(folder / "password")
    path = folder / "redis.conf"
    # Between quotes, with the escapes that Redis' configuration knows.
    data_folder = str(folder.resolve()).replace("\\", "\\\\").replace('"', '\\"')
    _write_private(path, CONFIGURATION.format(port=port, folder=data_folder, password=password))
    part = ServiceProcess(name="redis", argv=(program, str(path)))
    return part, f"redis://:{password}@127.0.0.1:{port}/0"


def _password(path: Path) -> str:
    if not path.exists():
        _write_private(path, secrets.token_urlsafe(32))
    close_to_others(path)
    return path.read_text(encoding="ascii")


def _write_private(path: Path, text: str) -> None:
    private_file(path).write_text(text, encoding="utf-8")
