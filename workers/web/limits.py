"""What every request has to keep to, and headers that every answer gets. Plain ASGI."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import anyio
from starlette.exceptions import HTTPException

from workers.web.api.problems import problem

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SAFE_HEADERS = (
    (b"content-security-policy", CONTENT_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    # Not `no-referrer`: with it a browser sends `Origin: null` with our own forms, too.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-robots-tag", b"noindex"),
)


class SafeHeaders:
    """Sets the headers above; `no-store` where the answer does not say how to keep it."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                names = {name.lower() for name, _ in headers}
                if b"cache-control" not in names:
                    headers.append((b"cache-control", b"no-store"))
                message["headers"] = headers + [
                    header for header in SAFE_HEADERS if header[0] not in names
                ]
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


BODY_TIMEOUT_SECONDS = 30.0
"""From the first look for a body to its last byte."""
MAX_BODIES_PER_PEER = 32
"""Bodies that one peer may be sending at the same time."""


class BodyTime:
    """Ends a request whose body does not come in time, or beside too many of the same peer's.

    Bodies are read before anybody is known: who sends them slowly would hold a connection, and
    what is kept of each, without a token.
    """

    def __init__(
        self, app: App, seconds: float = BODY_TIMEOUT_SECONDS, max_bodies: int = MAX_BODIES_PER_PEER
    ) -> None:
        self._app = app
        self._seconds, self._most = seconds, max_bodies
        self._sending = Counter[str]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _has_body(scope):
            await self._app(scope, receive, send)
            return
        peer = (scope.get("client") or ("",))[0]
        if self._sending[peer] >= self._most:
            sentence = f"At most {self._most} bodies at once."
            await problem(429, "about:blank", "Too Many Requests", sentence)(scope, receive, send)
            return
        with self._counted(peer) as release:
            await self._app(scope, self._in_time(receive, release), send)

    def _in_time(self, receive: Receive, release: Callable[[], None]) -> Receive:
        deadline = anyio.current_time() + self._seconds
        is_complete = False

        async def receiving() -> MutableMapping[str, Any]:
            nonlocal is_complete
            if is_complete:
                return await receive()
            try:
                with anyio.fail_after(max(0.0, deadline - anyio.current_time())):
                    message = await receive()
            except TimeoutError as error:
                sentence = f"The body has to come within {self._seconds:g} seconds."
                raise HTTPException(408, sentence, {"Connection": "close"}) from error
            is_complete = not message.get("more_body", False)
            if is_complete:
                release()
            return message

        return receiving

    @contextmanager
    def _counted(self, peer: str) -> Iterator[Callable[[], None]]:
        """Counts a body until it has come, or its request ended."""
        self._sending[peer] += 1
        is_counted = True

        def release() -> None:
            nonlocal is_counted
            if is_counted:
                is_counted = False
                self._sending[peer] -= 1
                if not self._sending[peer]:
                    del self._sending[peer]

        try:
            yield release
        finally:
            release()


class BodyLimit:
    """Refuses a body over `most` bytes, announced or not, without keeping it in memory.

    Paths that begin with one of `free` have a limit of their own.
    """

    def __init__(self, app: App, max_bytes: int, free: tuple[str, ...] = ()) -> None:
        self._app = app
        self._most = max_bytes
        self._free = free
        self._words = f"At most {max_bytes:,} bytes."

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(self._free or ("\0",)):
            await self._app(scope, receive, send)
            return
        if _announced(scope) > self._most:
            await self._refuse(scope, receive, send)
            return
        body_bytes = 0

        async def counting() -> MutableMapping[str, Any]:
            nonlocal body_bytes
            message = await receive()
            body_bytes += len(message.get("body", b""))
            if body_bytes > self._most:  # FastAPI lets this class through to the handlers
                raise HTTPException(413, self._words)
            return message

        await self._app(scope, counting, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = problem(413, "about:blank", "Content Too Large", self._words)
        await answer(scope, receive, send)


def _has_body(scope: Scope) -> bool:
    names = {name for name, _ in scope["headers"]}
    return b"transfer-encoding" in names or _announced(scope) > 0


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:18])
    return 0
