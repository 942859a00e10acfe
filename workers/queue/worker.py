"""The process that takes jobs: Celery's consumer, and a pool of processes that run them."""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import signal
import socket
from collections.abc import Sequence
from functools import cache
from types import FrameType
from typing import Any

# Read when Celery is imported: SIGTERM lets jobs be given back, instead of waiting for their end.
os.environ.setdefault("REMAP_SIGTERM", "SIGQUIT")

from celery import Celery, signals
from sqlalchemy import NullPool

from sandbox.choose import choose
from sandbox.errors import SandboxError
from sandbox.owner import this_process
from workers.config import ServiceSettings
from workers.errors import StoreUnavailable
from workers.host.parent import die_with_parent
from workers.host.telemetry import configure_logging, configure_tracing
from workers.job import Queue
from workers.queue.app import make_app
from workers.queue.names import name_of
from workers.queue.tasks import register
from workers.queue.work import Runner, Worker, repair
from workers.store.database import open_engine
from workers.store.presence import Presence
from workers.store.store import Store, open_store

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 15.0


def serve(
    settings: ServiceSettings, queues: Sequence[Queue], processes: int, run: Runner = repair
) -> None:
    """Take jobs until SIGTERM; then give back what is running, and return."""
    app = make_app(settings)
    # Not an Event: a process of the pool that is killed inside its lock would stop all the others.
    closing = multiprocessing.RawValue("b", 0)

    @cache
    def desk() -> tuple[Store, Worker]:
        store = open_store(settings)
        tracing = configure_tracing(settings.otlp_endpoint, service="repair-worker")
        return store, Worker(store, settings, run, lambda: bool(closing.value), tracing)

    register(app, desk)
    signals.worker_ready.connect(_listener_to_sigterm(closing), weak=False)
    signals.worker_process_init.connect(_new_process, weak=False)
    signals.heartbeat_sent.connect(_announcer(settings, queues, processes), weak=False)
    _start(app, queues, processes)


def _start(app: Celery, queues: Sequence[Queue], processes: int) -> None:
    worker = app.Worker(
        pool="prefork",
        concurrency=processes,
        queues=[queue.value for queue in queues],
        hostname=f"repair-{os.getpid()}@{socket.gethostname()}",
        loglevel="WARNING",
        without_gossip=True,
        without_mingle=True,
        heartbeat_interval=HEARTBEAT_SECONDS,
    )
    worker.start()


def _listener_to_sigterm(closing: Any) -> Any:
    """Tell the pool before Celery begins to wait for it: its own signal comes after that."""

    def listen(**_: object) -> None:
        before: Any = signal.getsignal(signal.SIGTERM)

        def handle(number: int, frame: FrameType | None) -> None:
            closing.value = 1
            if callable(before):
                before(number, frame)

        signal.signal(signal.SIGTERM, handle)

    return listen


def _new_process(**_: object) -> None:
    die_with_parent()


def _announcer(settings: ServiceSettings, queues: Sequence[Queue], processes: int) -> Any:
    """Say that this worker takes jobs, each time its loop got round to Celery's heartbeat."""
    owner = this_process()
    # NullPool: this process forks its pool, and an open connection must not cross that.
    presence = Presence(open_engine(settings.database_url, poolclass=NullPool))

    def announce(**_: object) -> None:
        sandbox, trouble = _sandbox(settings)
        try:
            presence.report(name_of(owner), queues, processes, sandbox, trouble)
        except StoreUnavailable as error:
            log.warning("this worker cannot be announced: %s", error)

    return announce


def _sandbox(settings: ServiceSettings) -> tuple[str, str]:
    """The kind that works here, or why there is none."""
    try:
        return choose("auto", settings.build_settings()).name, ""
    except SandboxError as error:
        return "", str(error)


def main(argv: Sequence[str] | None = None) -> None:
    """`python -m workers.queue.worker --processes 2 --queue interactive --queue background`"""
    parser = argparse.ArgumentParser(prog="workers.queue.worker")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--queue", action="append", type=Queue, choices=list(Queue))
    arguments = parser.parse_args(argv)
    settings = ServiceSettings()
    configure_logging(level=settings.log_level)
    die_with_parent()
    serve(settings, arguments.queue or list(Queue), arguments.processes)


if __name__ == "__main__":
    main()
