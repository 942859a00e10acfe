"""When a service is ready for jobs: its own web process is asked, and one line says so."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from workers.config import ServiceSettings

POLL_SECONDS = 0.3
PATIENCE_SECONDS = 60.0
"""After that it is said once what is missing."""
TIMEOUT_SECONDS = 10.0


def tell_when_ready(
    settings: ServiceSettings, logs: Path, stopping: Callable[[], bool], say: Callable[[str], None]
) -> None:
    """Say where the service is and what to do with it, once a job would be worked on."""
    url = web_address(settings.listen_host, settings.listen_port)
    patience_end: float | None = time.monotonic() + PATIENCE_SECONDS
    while not stopping():
        gaps = _gaps(url)
        if not gaps:
            say(
                f"Ready: {settings.public_url or url} (`repair submit REPO --wait` queues a "
                f"repair; Ctrl-C ends all; logs: {logs})"
            )
            return
        if patience_end is not None and time.monotonic() >= patience_end:
            patience_end = None
            say(
                f"Not ready after {PATIENCE_SECONDS:g} s, for want of {', '.join(gaps)} "
                f"(`repair doctor` says what this machine lacks; logs: {logs})"
            )
        time.sleep(POLL_SECONDS)


def web_address(host: str, port: int) -> str:
    """The address at which the web process answers on this machine."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return f"http://{host}:{port}"
    if address.is_unspecified:
        address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
    return f"http://[{address}]:{port}" if address.version == 6 else f"http://{address}:{port}"


def _gaps(url: str) -> list[str]:
    """What a job would lack; `web` where nothing answers."""
    try:
        # Not by way of a proxy that variables name: it is this machine.
        answer = httpx.get(f"{url}/readyz", timeout=TIMEOUT_SECONDS, trust_env=False)
        checks = dict(answer.json()["checks"])
    except (httpx.HTTPError, LookupError, TypeError, ValueError):
        return ["web"]
    return [name for name, holds in checks.items() if not holds]
