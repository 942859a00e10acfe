"""What runs together: a worker and its sweeper, or the whole service on one machine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import redis

from sandbox.host.private_files import private_folder
from workers.config import ServiceSettings
from workers.errors import BrokerUnavailable
from workers.host.local_redis import INSTALL_ADVICE, local_redis
from workers.host.ports import check_free
from workers.host.readiness import tell_when_ready
from workers.host.supervisor import ServiceProcess, module, supervise
from workers.host.telemetry import configure_logging
from workers.records import PUBLISHED_ORIGINS
from workers.store.store import open_store

REDIS_TIMEOUT_SECONDS = 3.0
FORGE_VARIABLES = tuple(f"REPAIR_{name.upper()}_" for name in sorted(PUBLISHED_ORIGINS))
"""Tokens and webhook secrets are among them, which only the web process needs."""
SWEEPER_MODULE = "workers.queue.sweeper"
WORKER_MODULE = "workers.queue.worker"


def keep_working(processes: int, queues: Sequence[str], stopping: Callable[[], bool]) -> None:
    """Take jobs until `stopping`. Raises BrokerUnavailable or StoreUnavailable at the start."""
    settings = ServiceSettings()
    configure_logging(level=settings.log_level)
    _migrate(settings)
    check_redis(settings.redis_url)
    supervise(_workers(processes, queues, settings.places()), stopping)


def keep_serving(processes: int, stopping: Callable[[], bool], say: Callable[[str], None]) -> None:
    """Redis, unless one is named; the web; the workers. Raises as `keep_working`, and PortTaken.

    Who started it is told that it is ready, and errors; all else is in the logs of its parts.
    """
    settings = ServiceSettings()
    configure_logging(level="WARNING" if settings.log_level == "INFO" else settings.log_level)
    check_free(settings.listen_host, settings.listen_port, "name another in REPAIR_LISTEN_PORT")
    _migrate(settings)
    environment = settings.places()
    parts: list[ServiceProcess] = []
    if "redis_url" in settings.model_fields_set:
        check_redis(settings.redis_url)
    else:
        check_free(
            "127.0.0.1",
            settings.redis_port,
            "name another in REPAIR_REDIS_PORT, or the URL of a Redis in REPAIR_REDIS_URL",
        )
        part, environment["REPAIR_REDIS_URL"] = local_redis(
            Path(settings.state_dir) / "redis", settings.redis_port
        )
        parts.append(part)
    parts.append(module("web", "workers.web", **environment))
    parts += _workers(processes, ("interactive", "background"), environment)
    logs = private_folder(Path(settings.state_dir) / "service")
    # A thread of its own: what takes time to answer keeps no part from being started again.
    threading.Thread(
        target=tell_when_ready, args=(settings, logs, stopping, say), daemon=True
    ).start()
    supervise(parts, stopping, logs)


def check_redis(url: str) -> None:
    """Check that Redis answers. Raises BrokerUnavailable with what to do."""
    try:
        with _client(url) as client:
            client.ping()
    except (redis.RedisError, ValueError) as error:
        raise BrokerUnavailable(
            f"Redis cannot be used ({error}): start it, {INSTALL_ADVICE}"
        ) from error


@contextmanager
def _client(url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(
        url, socket_timeout=REDIS_TIMEOUT_SECONDS, socket_connect_timeout=REDIS_TIMEOUT_SECONDS
    ) as client:
        yield client


def _workers(
    processes: int, queues: Sequence[str], environment: dict[str, str]
) -> tuple[ServiceProcess, ...]:
    queue_options = [argument for queue in queues for argument in ("--queue", queue)]
    parts = (
        module("sweeper", SWEEPER_MODULE, **environment),
        module(
            "worker",
            "workers.queue.worker",
            "--processes",
            str(processes),
            *queue_options,
            **environment,
        ),
    )
    return tuple(replace(part, withheld=FORGE_VARIABLES) for part in parts)


def _migrate(settings: ServiceSettings) -> None:
    store = open_store(settings)
    store.migrate()
    store.close()
