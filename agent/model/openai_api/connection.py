"""One HTTP connection to a model's server: retries, time-outs, streams that can be left."""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import httpx

from agent.model.errors import (
    ContextWindowExceeded,
    ModelUnavailable,
    RequestRefused,
)
from agent.model.openai_api.client_messages import overflow
from agent.model.openai_api.retries import Cancelled, Patience, Retries
from agent.model_address import credentials_in, without_credentials

_RETRIED = {408, 409, 425, 429, 500, 502, 503, 504, 529}
_AWAY = {429, 502, 503, 504, 529}
"""Says that the server, or one behind it, is loading or has no room: not that this request is at
fault."""
_MAX_RETRY_AFTER_SECONDS = 30.0
_KEEPALIVE_SECONDS = 60
"""Of silence, before the other side is asked whether it is still there."""
_POLL_SECONDS = 0.1
_DISCONNECT_SECONDS = 1.0
_MAX_SHOWN_CHARACTERS = 500
T = TypeVar("T")


class _Stream:
    """What the reading thread and the caller share."""

    def __init__(self) -> None:
        self.pieces: queue.Queue[Mapping[str, object] | Exception | None] = queue.Queue()
        self.left = threading.Event()
        self._held = threading.Lock()
        self._response: httpx.Response | None = None

    @contextlib.contextmanager
    def reading(self, response: httpx.Response) -> Iterator[None]:
        """While this lasts, `leave` may break the connection; afterwards it is another's."""
        self._response = response
        try:
            yield
        finally:
            with self._held:
                self._response = None

    def leave(self) -> None:
        """Wake the reader and tell the server that nobody listens any more."""
        self.left.set()
        with self._held:
            if self._response is None:
                return
            server_socket = self._response.extensions["network_stream"].get_extra_info("socket")
            if server_socket is not None:
                with contextlib.suppress(OSError):
                    server_socket.shutdown(socket.SHUT_RDWR)


class Connection:
    """Talks JSON to one base URL. Safe to use from several threads."""

    def __init__(
        self,
        base_url: str,
        api_key: str | None,
        patience: Patience,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        """`tell` hears of the waiting for a server that is away, and of its end. A user and a
        password in `base_url` are sent, and told nowhere."""
        self.base_url = without_credentials(base_url).rstrip("/")
        self._patience = patience
        self._tell = tell or (lambda _: None)
        self._waited = threading.local()
        self._reached = threading.Event()
        """Set by the first answer."""
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        timeout = httpx.Timeout(patience.silence_seconds, connect=patience.connect_seconds)
        limits = httpx.Limits(max_connections=None)
        self._client = httpx.Client(
            headers=headers, auth=credentials_in(base_url), timeout=timeout, limits=limits
        )

    def close(self) -> None:
        self._client.close()

    def get(self, path: str, cancel: threading.Event | None) -> Mapping[str, object]:
        """GET as JSON, once, with as little patience as for connecting: nothing is computed for
        it. Raises ModelUnavailable, RequestRefused, Cancelled."""
        return self._only(self.events(path, None, cancel))

    def post(
        self, path: str, body: Mapping[str, object], cancel: threading.Event | None
    ) -> Mapping[str, object]:
        """POST and return the JSON answer, with retries."""
        return self.retrying(lambda: self._only(self.events(path, body, cancel)), cancel)

    def retrying(self, attempt: Callable[[], T], cancel: threading.Event | None) -> T:
        """Call `attempt` until it does not raise ModelUnavailable, with growing waits.

        Raises Cancelled when `cancel` is set meanwhile, and the last error in the end.
        """
        retries = Retries(self._patience, self._reached.is_set, self._tell, cancel)
        try:
            return retries.run(attempt)
        finally:
            self._waited.seconds = self.waited_seconds + retries.waited_seconds

    @property
    def waited_seconds(self) -> float:
        """That the calling thread waited between attempts, all in all."""
        return float(getattr(self._waited, "seconds", 0.0))

    def events(
        self, path: str, body: Mapping[str, object] | None, cancel: threading.Event | None
    ) -> Iterator[Mapping[str, object]]:
        """POST (GET without a body) and yield the objects of a server-sent event stream as they
        come, once.

        A server that answers with one JSON object instead yields just that. Raises
        ModelUnavailable when the stream breaks, Cancelled soon after `cancel` is set.
        """
        stream = _Stream()
        reader = threading.Thread(
            target=self._pump, args=(path, body, stream), name="model-stream", daemon=True
        )
        reader.start()
        deadline = time.monotonic() + self._patience.answer_seconds
        try:
            while True:
                piece = _next_piece(stream.pieces, cancel, deadline)
                if piece is None:
                    return
                if isinstance(piece, Exception):
                    raise piece
                yield piece
        finally:
            stream.leave()
            reader.join(timeout=_DISCONNECT_SECONDS)

    def _only(self, events: Iterator[Mapping[str, object]]) -> Mapping[str, object]:
        """The one object of an answer that is no stream."""
        objects = list(events)
        if not objects:
            raise ModelUnavailable(f"the model server at {self.base_url} sent an empty answer")
        return objects[0]

    def _pump(self, path: str, body: Mapping[str, object] | None, stream: _Stream) -> None:
        """Read the stream in a thread of its own, so that the caller can leave at any time."""
        try:
            self._guarded(lambda: self._read_stream(path, body, stream))
            stream.pieces.put(None)
        except (ModelUnavailable, RequestRefused, ContextWindowExceeded) as error:
            stream.pieces.put(error)

    def _read_stream(self, path: str, body: Mapping[str, object] | None, stream: _Stream) -> None:
        with self._request(path, body) as response, stream.reading(response):
            if response.status_code != 200:
                response.read()
                self._checked(response)
            self._reached.set()
            if "text/event-stream" not in response.headers.get("content-type", ""):
                text = response.read().decode("utf-8", "replace")
                stream.pieces.put(_object(text, str(response.url)))
                return
            for line in response.iter_lines():
                data = line.removeprefix("data:").strip()
                if stream.left.is_set() or data == "[DONE]":
                    return
                if line.startswith("data:"):
                    stream.pieces.put(_object(data, self.base_url))

    def _request(
        self, path: str, body: Mapping[str, object] | None
    ) -> AbstractContextManager[httpx.Response]:
        url = f"{self.base_url}{path}"
        extensions = {"trace": _keep_alive}
        connect_seconds = self._patience.connect_seconds
        if body is None:
            return self._client.stream("GET", url, timeout=connect_seconds, extensions=extensions)
        timeout = self._client.timeout
        if body.get("stream") is False:
            # The answer comes in one piece at its end.
            timeout = httpx.Timeout(self._patience.answer_seconds, connect=connect_seconds)
        return self._client.stream(
            "POST", url, json=dict(body), timeout=timeout, extensions=extensions
        )

    def _guarded(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except httpx.TimeoutException as error:
            failure = ModelUnavailable(
                f"the model server at {self.base_url} did not answer in time "
                f"({type(error).__name__}); it may be overloaded or still loading"
            )
            failure.server_is_away = isinstance(error, httpx.ConnectTimeout)
            raise failure from error
        except (httpx.HTTPError, httpx.InvalidURL, RuntimeError) as error:
            failure = ModelUnavailable(
                f"cannot talk to the model server at {self.base_url}: {error or type(error)}; "
                "check that it runs and that the URL is right"
            )
            failure.server_is_away = isinstance(error, httpx.ConnectError)
            raise failure from error

    def _checked(self, response: httpx.Response) -> httpx.Response:
        status, text = response.status_code, response.text[:_MAX_SHOWN_CHARACTERS]
        if status == 200:
            return response
        sizes = overflow(response.text)
        if sizes is not None:
            tokens, window = sizes
            words = f"the model server says: {text}"
            if tokens and window:
                words = f"{tokens} tokens were asked of a model that holds {window}"
            raise ContextWindowExceeded(words, tokens=tokens, window=window)
        if status in _RETRIED:
            error = ModelUnavailable(f"the model server at {self.base_url} said {status}: {text}")
            error.retry_after_seconds = _retry_after(response)
            error.server_is_away = status in _AWAY
            raise error
        raise RequestRefused(f"the model server at {self.base_url} said {status}: {text}")


def _next_piece(
    pieces: queue.Queue[Mapping[str, object] | Exception | None],
    cancel: threading.Event | None,
    deadline: float,
) -> Mapping[str, object] | Exception | None:
    while True:
        if cancel is not None and cancel.is_set():
            raise Cancelled
        if time.monotonic() > deadline:
            raise ModelUnavailable("the model server did not finish its answer in time")
        try:
            return pieces.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            continue


def _object(text: str, source: str) -> Mapping[str, object]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ModelUnavailable(
            f"{source} did not answer with a JSON object but with {text[:80]!r}; "
            "is this an OpenAI-compatible server?"
        )
    return value


def _retry_after(response: httpx.Response) -> float | None:
    value = response.headers.get("retry-after", "")
    is_number = value.isascii() and value.isdigit()  # "²" is a digit, and no number
    return min(float(value), _MAX_RETRY_AFTER_SECONDS) if is_number else None


def _keep_alive(event: str, info: Mapping[str, Any]) -> None:
    """On each new connection: a server that vanished without a word is noticed."""
    if event != "connection.connect_tcp.complete":
        return
    tcp = info["return_value"].get_extra_info("socket")
    if tcp is not None:
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_KEEPIDLE"):
            tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEPALIVE_SECONDS)
