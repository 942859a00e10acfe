"""The process that takes jobs: Celery's consumer, and a pool of processes that run them."""

from __future__ import annotations

import argparse
import multiprocessing  # noqa: TID251 - shared memory, no process
import os
import signal
import socket
import warnings
from collections.abc import Sequence
from functools import cache
from typing import Any

from celery import Celery, signals
from celery.platforms import SecurityWarning
from celery.worker import state
from opentelemetry.sdk.trace import TracerProvider
from sqlalchemy import NullPool

from sandbox.isolation.owner import this_process
from workers.config import ServiceSettings
from workers.host.parent import die_with_parent
from workers.host.telemetry import configure_logging, configure_tracing
from workers.queue.announcer import Announcer
from workers.queue.app import make_app
from workers.queue.execution.job_worker import JobWorker, Runner, repair
from workers.queue.names import name_of
from workers.queue.probe import probe
from workers.queue.tasks import register
from workers.records import Queue
from workers.store.database import open_engine
from workers.store.scheduling.presence import Presence
from workers.store.store import Store, open_store

HEARTBEAT_INTERVAL_SECONDS = 15.0


def serve(
    settings: ServiceSettings, queues: Sequence[Queue], processes: int, runner: Runner = repair
) -> None:
    """Take jobs until SIGTERM; then give back what is running, and return."""
    app = make_app(settings)
    # Not an Event: a process of the pool that is killed inside its lock would stop all the others.
    closing_flag = multiprocessing.RawValue("b", 0)

    @cache
    def tracing() -> TracerProvider | None:
        return configure_tracing(settings.otlp_endpoint, service="repair-worker")

    @cache
    def open_worker() -> tuple[Store, JobWorker]:
        store = open_store(settings)
        return store, JobWorker(
            store, settings, runner, lambda: bool(closing_flag.value), tracing()
        )

    def end_process(**_: object) -> None:
        if (provider := tracing()) is not None:
            provider.shutdown()  # sends what is left: no `atexit` runs in a process of the pool

    register(app, open_worker)
    announcer = _announcer(settings, queues, processes)
    signals.setup_logging.connect(_keep_ours, weak=False)
    signals.worker_ready.connect(lambda sender, **_: announcer.begin(sender.timer), weak=False)
    signals.worker_ready.connect(lambda **_: _on_sigterm(closing_flag), weak=False)
    signals.worker_process_init.connect(_new_process, weak=False)
    signals.worker_process_shutdown.connect(end_process, weak=False)
    signals.heartbeat_sent.connect(lambda **_: announcer.announce(), weak=False)
    signals.worker_shutdown.connect(lambda **_: announcer.leave(), weak=False)
    _start(app, queues, processes)


def _start(app: Celery, queues: Sequence[Queue], processes: int) -> None:
    # Celery warns root of messages that hold code; here a message is JSON, and only a hint.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    worker = app.Worker(
        pool="prefork",
        concurrency=processes,
        queues=[queue.value for queue in queues],
        hostname=f"repair-{os.getpid()}@{socket.gethostname()}",
        quiet=True,
        without_gossip=True,
        without_mingle=True,
        heartbeat_interval=HEARTBEAT_INTERVAL_SECONDS,
    )
    worker.start()


def _keep_ours(**_: object) -> None:
    """Celery leaves logging alone where somebody answers this signal."""


def _on_sigterm(closing: Any) -> None:
    """Have the pool give its jobs back, and Celery's loop end once it did: its warm shutdown.

    (Its soft shutdown sleeps through the whole timeout, however soon the jobs are back.)
    """

    def handle(*_: object) -> None:
        closing.value = 1
        state.should_stop = os.EX_OK

    signal.signal(signal.SIGTERM, handle)


def _new_process(**_: object) -> None:
    die_with_parent()


def _announcer(settings: ServiceSettings, queues: Sequence[Queue], processes: int) -> Announcer:
    # NullPool: this process forks its pool, and an open connection must not cross that.
    presence = Presence(open_engine(settings.database_url, poolclass=NullPool))

    return Announcer(presence, name_of(this_process()), queues, processes, lambda: probe(settings))


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
