"""What the routes work with, made once for an app."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Annotated

from fastapi import Depends, Request

from workers.config import ServiceSettings
from workers.errors import StoreUnavailable, TooManyStreams
from workers.forges.forge import Forge
from workers.jobs.overview import Overview
from workers.records import Job
from workers.store.store import Store
from workers.web.auth.access import Caller, Gate, Reader
from workers.web.auth.tokens import TokenStore
from workers.web.metrics.counters import JobCounters

MAX_STREAMS = 200
"""Open streams of one process. Each asks the database twice a second."""
MAX_STREAMS_PER_OWNER = 40
"""Of which one owner may hold so many, whatever tokens it comes with."""


class Streams:
    """Counts open streams, so that watchers cannot starve the API."""

    def __init__(
        self, max_streams: int = MAX_STREAMS, max_of_one: int = MAX_STREAMS_PER_OWNER
    ) -> None:
        self._most, self._of_one = max_streams, max_of_one
        self._open = Counter[str]()
        self._lock = Lock()

    @contextmanager
    def one(self, owner: str) -> Iterator[None]:
        """A context that counts one open stream.

        Raises TooManyStreams, which a client answers by coming back later.
        """
        with self._lock:
            if self._open[owner] >= self._of_one:
                raise TooManyStreams(f"you have {self._of_one} streams open; close one first")
            if self._open.total() >= self._most:
                raise StoreUnavailable(f"{self._most} streams are open; try again later")
            self._open[owner] += 1
        try:
            yield
        finally:
            with self._lock:
                self._open[owner] -= 1
                self._open += Counter()  # forgets owners without a stream


@dataclass(frozen=True, kw_only=True)
class Service:
    settings: ServiceSettings
    store: Store
    tokens: TokenStore
    gate: Gate
    overview: Overview
    counters: JobCounters
    forges: Mapping[str, Forge]
    """Those that are set up, by the origin of their jobs."""
    streams: Streams = field(default_factory=Streams)

    def job(self, job_id: str, caller: Caller) -> Job:
        """A job this caller may see. Raises JobNotFound."""
        job = self.store.job(job_id)
        caller.check_sees(job)
        return job


def service_of(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


Serving = Annotated[Service, Depends(service_of)]


def open_stream(service: Serving, caller: Reader) -> Iterator[None]:
    """A dependency: holds one of the places for streams until the answer has ended."""
    with service.streams.one(caller.owner):
        yield
