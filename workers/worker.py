"""The process that takes jobs: Celery's consumer, and a pool of processes that run them."""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import socket
from collections.abc import Sequence
from functools import cache
from typing import Any

# Read when Celery is imported: SIGTERM lets jobs be given back, instead of waiting for their end.
os.environ.setdefault("REMAP_SIGTERM", "SIGQUIT")

from celery import Celery, signals

from workers.app import make_app
from workers.config import ServiceSettings
from workers.job import Queue
from workers.parent import die_with_parent
from workers.store import Store, open_store
from workers.tasks import register
from workers.work import Runner, Worker, repair


def serve(
    settings: ServiceSettings, queues: Sequence[Queue], processes: int, run: Runner = repair
) -> None:
    """Take jobs until SIGTERM; then give back what is running, and return."""
    app = make_app(settings)
    closing = multiprocessing.Event()

    @cache
    def desk() -> tuple[Store, Worker]:
        store = open_store(settings)
        return store, Worker(store, settings, run, closing.is_set)

    register(app, desk)
    signals.worker_shutting_down.connect(_setter(closing), weak=False)
    signals.worker_process_init.connect(_new_process, weak=False)
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
        without_heartbeat=True,
    )
    worker.start()


def _setter(event: Any) -> Any:
    return lambda **_: event.set()


def _new_process(**_: object) -> None:
    die_with_parent()


def main(argv: Sequence[str] | None = None) -> None:
    """`python -m workers.worker --processes 2 --queue interactive --queue background`"""
    parser = argparse.ArgumentParser(prog="workers.worker")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--queue", action="append", type=Queue, choices=list(Queue))
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    die_with_parent()
    serve(ServiceSettings(), arguments.queue or list(Queue), arguments.processes)


if __name__ == "__main__":
    main()
