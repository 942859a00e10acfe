"""Following a job of the queue on the display of `repair`, as if it ran here."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from agent.event_storage import from_wire
from agent.events import Listener, Warned
from cli.display.console import say
from cli.display.log import RunLog
from cli.display.progress.watch import Stopped, Watch

if TYPE_CHECKING:
    from workers.client.base import JobClient
    from workers.jobs.view import EventView, JobView

T = TypeVar("T")
JOB_POLL_SECONDS = 1.0
EVENT_POLL_SECONDS = 0.2
"""How soon Ctrl-C is noticed."""
GOES_ON_SENTENCE = "No longer watching; the job goes on. `repair logs -f {0}` watches again, "
GOES_ON_SENTENCE += "`repair cancel {0}` ends it."
RESTART_KINDS = frozenset({"requeued", "dead"})


def follow(
    client: JobClient, job: JobView, log: RunLog, *, as_json: bool, verbose: bool
) -> JobView:
    """Show the job until it has ended; returns it as it is then. Raises Stopped on Ctrl-C."""
    advice = GOES_ON_SENTENCE.format(job.id)
    watch = Watch(
        run_id=job.id,
        max_seconds=job.max_seconds,
        on_stop="Leaving the job to the queue ...",
        on_kill=advice,
        as_json=as_json,
        verbose=verbose,
    )
    try:
        _until_started(client, job, quiet=as_json)
    except KeyboardInterrupt as error:
        raise Stopped(advice) from error
    return watch.run(partial(_show, client, job.id), log)


def _until_started(client: JobClient, job: JobView, *, quiet: bool) -> None:
    last_sentence = ""
    while (job := client.job(job.id)).live and job.started_at is None:
        sentence = place_of(job)
        if sentence != last_sentence and not quiet:
            say(sentence)
            last_sentence = sentence
        time.sleep(JOB_POLL_SECONDS)


def place_of(job: JobView) -> str:
    """A job's place in the queue, in words that change only when there is something new."""
    if job.places == 0:
        return "No worker takes jobs now: the job waits (`repair service up`, or `repair worker`)"
    if job.position is None:
        return "Waiting for a worker"
    return f"Position {job.position} in the queue, time until done: {job.left}"


def _show(client: JobClient, job_id: str, listen: Listener, stop: threading.Event) -> JobView:
    for event in until(stop, client.events(job_id, wait=True)):
        _tell(event, listen)
    if stop.is_set():
        raise Stopped(GOES_ON_SENTENCE.format(job_id))
    return client.job(job_id)


def _tell(event: EventView, listen: Listener) -> None:
    decoded_event = from_wire(event.kind, event.data)
    if decoded_event is not None:
        listen(decoded_event)
    elif event.kind in RESTART_KINDS:
        listen(Warned(text=f"{event.kind}: {event.data.get('reason', '')}"))


def until(stop: threading.Event, items: Iterable[T]) -> Iterator[T]:
    """The items as they come, until there are no more or `stop` is set.

    They are read in a thread of its own, which a silent server may keep waiting.
    """
    arrivals: queue.SimpleQueue[T | BaseException | None] = queue.SimpleQueue()

    def read() -> None:
        try:
            for item in items:
                arrivals.put(item)
            arrivals.put(None)
        except BaseException as error:  # the reader of the queue raises it
            arrivals.put(error)

    threading.Thread(target=read, daemon=True).start()
    while not stop.is_set():
        try:
            item = arrivals.get(timeout=EVENT_POLL_SECONDS)
        except queue.Empty:
            continue
        if item is None:
            return
        if isinstance(item, BaseException):
            raise item
        yield item
