"""One call of the model for a client that may leave; waiting for it costs the server no thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Generic, TypeAlias, TypeVar

from agent.model.base import TokenEvent, TokenListener

T = TypeVar("T")
Work: TypeAlias = Callable[[TokenListener, threading.Event], T]
"""Asks the model, on a thread of its own; hears the pieces, and ends soon once cancelled."""


class TooManyCalls(Exception):
    """As many calls as the server takes are under way; the same call may succeed later."""


class ClientLeft(Exception):
    """The client closed its connection before there was an answer."""


class CallPool:
    """The threads in which the model is asked: never more calls than threads."""

    def __init__(self, max_calls: int) -> None:
        self._free = threading.BoundedSemaphore(max_calls)
        self._threads = ThreadPoolExecutor(max_calls, thread_name_prefix="model-call")

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Begin at once. Raises TooManyCalls."""
        if not self._free.acquire(blocking=False):
            raise TooManyCalls
        future = self._threads.submit(work)
        future.add_done_callback(lambda _: self._free.release())
        return future


class ClientCall(Generic[T]):
    """One model call of a client. Belongs to the event loop in which it is made."""

    def __init__(self, pool: CallPool, request: Any, work: Work[T]) -> None:
        """Start `work` for the client of `request`, whose body was read. Raises TooManyCalls."""
        self._request = request
        self._loop = asyncio.get_running_loop()
        self._pieces: asyncio.Queue[TokenEvent | None] = asyncio.Queue()
        self._cancel = threading.Event()
        self._running = pool.submit(lambda: work(self._tell, self._cancel))
        self._running.add_done_callback(lambda _: self._tell(None))

    async def first(self) -> TokenEvent | None:
        """The first piece, None when it ended without one. Raises ClientLeft."""
        piece = asyncio.ensure_future(self._pieces.get())
        disconnect = asyncio.ensure_future(self._client_left())
        try:
            await asyncio.wait({piece, disconnect}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            has_piece = piece.done()
            if not has_piece:
                # Also when the server is shutting down: nobody will read the answer.
                self.leave()
            piece.cancel()
            disconnect.cancel()
        if not has_piece:
            raise ClientLeft
        return piece.result()

    async def pieces(self, first: TokenEvent | None) -> AsyncIterator[TokenEvent]:
        """`first` and all that follow it, until the call has ended."""
        piece = first
        while piece is not None:
            yield piece
            piece = await self._pieces.get()

    def result(self) -> T:
        """The result of the ended call; raises what the call raised."""
        return self._running.result()

    def leave(self) -> None:
        """Cancel the call, since its client has left."""
        self._cancel.set()

    async def _client_left(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass

    def _tell(self, piece: TokenEvent | None) -> None:
        try:
            self._loop.call_soon_threadsafe(self._pieces.put_nowait, piece)
        except RuntimeError:  # The loop ended with the server.
            self.leave()
