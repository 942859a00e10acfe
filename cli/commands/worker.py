"""`repair worker`: jobs are taken here."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from cli.display.progress.watch import guarded
from cli.errors import BadInput
from cli.exit_codes import ExitCode
from cli.job_client import service_errors

QUEUES = ("interactive", "background")


def run_worker(processes: int, queues: tuple[str, ...]) -> int:
    def work(_log: object) -> int:
        for queue in queues:
            if queue not in QUEUES:
                raise BadInput(f"There is no queue {queue!r}: it is {' or '.join(QUEUES)}.")
        with service_errors():
            from workers.host.service import keep_working

            with until_signal() as stop:
                keep_working(processes, queues or QUEUES, stop.is_set)
        return ExitCode.OK

    return guarded(work)


def run_check() -> int:
    """Whether a worker of this machine takes jobs, and has a sandbox for them."""

    def work(_log: object) -> int:
        with service_errors():
            from workers.queue.announcer import workers_here

            workers = workers_here()
        for worker in workers:
            print(f"{worker.name}: {worker.sandbox or worker.trouble}")
        if not workers:
            print("No worker of this machine takes jobs.")
        works = bool(workers) and all(worker.sandbox for worker in workers)
        return ExitCode.OK if works else ExitCode.INFRASTRUCTURE

    return guarded(work)


@contextmanager
def until_signal() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set."""
    stop = threading.Event()
    numbers = (signal.SIGINT, signal.SIGTERM)
    old_handlers = {number: signal.signal(number, lambda *_: stop.set()) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in old_handlers.items():
            signal.signal(number, handler)
