"""`python -m workers.web`: the web process. `repair service up` starts it beside the workers."""

from __future__ import annotations

import structlog
import uvicorn

from workers.config import ServiceSettings
from workers.host.telemetry import configure_logging
from workers.web.app import create_app
from workers.web.auth.access import is_loopback

SHUTDOWN_SECONDS = 5
"""For answers under way. Streams of live pages never end by themselves; browsers come back."""


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    settings = ServiceSettings()
    configure_logging(level=settings.log_level)
    if not is_loopback(settings.listen_host):
        structlog.get_logger("web").info(
            "reachable from other machines: every request needs a token (repair tokens create)"
        )
    uvicorn.run(
        create_app(settings),
        host=settings.listen_host,
        port=settings.listen_port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )


if __name__ == "__main__":
    main()
