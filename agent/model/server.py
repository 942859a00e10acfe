"""One model for many clients: an OpenAI-compatible HTTP endpoint over any backend.

`GET /health`, `GET /v1/models`, `POST /v1/chat/completions` (streamed or not), and
`POST /v1/score`, which is ours: log-probabilities of continuations after one prefix.
"""

from __future__ import annotations

import json
import queue
import secrets
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

from agent.model.api_answers import StreamWriter, error_body, write_answer
from agent.model.api_requests import BadRequest, ChatRequest, read_chat_request, read_messages
from agent.model.base import Completion, ModelBackend, Scorer, TokenEvent
from agent.model.errors import ContextWindowExceeded, ModelError, ModelUnavailable

_MOST_CLIENTS = 128
_MOST_BODY_BYTES = 64 * 1024 * 1024
_POLL_SECONDS = 0.2
_GOODBYE_SECONDS = 3
"""At the end, for answers that are nearly ready; uvicorn wants whole seconds."""
T = TypeVar("T")


class ModelServer:
    """The endpoints. The model belongs to whoever made it."""

    def __init__(self, model: ModelBackend, *, api_key: str | None = None) -> None:
        self._model = model
        self._api_key = api_key
        self._name = model.name.split(":", 1)[-1]
        self._pool = ThreadPoolExecutor(_MOST_CLIENTS, thread_name_prefix="model-client")

    def app(self) -> Any:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/health", self._health),
                Route("/v1/models", self._models),
                Route("/v1/chat/completions", self._chat, methods=["POST"]),
                Route("/v1/score", self._score, methods=["POST"]),
            ]
        )

    async def _health(self, _: Any) -> Any:
        return JSONResponse({"status": "ok", "model": self._name})

    async def _models(self, request: Any) -> Any:
        if not self._allowed(request):
            return _refusal()
        window = self._model.context_window
        entry = {"id": self._name, "object": "model", "owned_by": "repair", "max_model_len": window}
        return JSONResponse({"object": "list", "data": [entry]})

    async def _chat(self, request: Any) -> Any:
        if not self._allowed(request):
            return _refusal()
        try:
            asked = read_chat_request(await _body(request))
            if asked.stream:
                return await self._streamed(asked)
            return JSONResponse(await self._whole(asked, request))
        except (BadRequest, ModelError) as error:
            return _error(error)

    async def _whole(self, asked: ChatRequest, request: Any) -> dict[str, object]:
        cancel = threading.Event()
        running = self._start(asked, None, cancel)
        completions = await _while_connected(request, running, cancel)
        return write_answer(self._name, completions)

    async def _streamed(self, asked: ChatRequest) -> Any:
        """Start an answer; an error that comes before any text is still an HTTP error."""
        pieces: queue.SimpleQueue[TokenEvent | None] = queue.SimpleQueue()
        cancel = threading.Event()
        running = self._start(asked, pieces, cancel)
        running.add_done_callback(lambda _: pieces.put(None))
        first = await run_in_threadpool(pieces.get)
        if first is None and running.exception() is not None:
            running.result()
        lines = self._lines(asked, first, pieces, running, cancel)
        return StreamingResponse(lines, media_type="text/event-stream")

    def _lines(
        self,
        asked: ChatRequest,
        first: TokenEvent | None,
        pieces: queue.SimpleQueue[TokenEvent | None],
        running: Future[list[Completion]],
        cancel: threading.Event,
    ) -> Iterator[str]:
        """Server-sent events. Closing this, as a client that leaves does, ends the generation."""
        writer = StreamWriter(self._name)
        try:
            piece = first
            while piece is not None:
                chunk = writer.piece(piece)
                if chunk is not None:
                    yield _event(chunk)
                piece = pieces.get()
            try:
                completions = running.result()
            except ModelError as error:
                yield _event(error_body(str(error), type(error).__name__))
                return
            for chunk in writer.end(completions):
                yield _event(chunk)
            if asked.include_usage:
                yield _event(writer.usage(completions))
            yield "data: [DONE]\n\n"
        finally:
            cancel.set()

    async def _score(self, request: Any) -> Any:
        if not self._allowed(request):
            return _refusal()
        try:
            body = await _body(request)
            cancel = threading.Event()
            running = self._pool.submit(self._scores, body, cancel)
            scores = await _while_connected(request, running, cancel)
        except (BadRequest, ModelError) as error:
            return _error(error)
        return JSONResponse({"scores": scores})

    def _scores(self, body: dict[str, object], cancel: threading.Event) -> list[float]:
        texts, prefix = body.get("continuations"), body.get("prefix")
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise BadRequest("continuations must be a list of texts")
        if not isinstance(self._model, Scorer):
            raise BadRequest("this model cannot score")
        start = prefix if isinstance(prefix, str) else read_messages(body.get("messages"))
        return self._model.score(start, texts, cancel=cancel)

    def _start(
        self,
        asked: ChatRequest,
        pieces: queue.SimpleQueue[TokenEvent | None] | None,
        cancel: threading.Event,
    ) -> Future[list[Completion]]:
        return self._pool.submit(
            self._model.generate,
            asked.messages,
            asked.tools,
            asked.params,
            asked.n,
            on_token=None if pieces is None else pieces.put,
            cancel=cancel,
        )

    def _allowed(self, request: Any) -> bool:
        if self._api_key is None:
            return True
        given = request.headers.get("authorization", "")
        return secrets.compare_digest(given.encode(), f"Bearer {self._api_key}".encode())


async def _body(request: Any) -> dict[str, object]:
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > _MOST_BODY_BYTES:
            raise BadRequest("the request is larger than 64 MiB")
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the request is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise BadRequest("the request must be a JSON object")
    return body


async def _while_connected(request: Any, running: Future[T], cancel: threading.Event) -> T:
    """What `running` comes to; `cancel` is set when the client leaves."""
    while not running.done():
        await run_in_threadpool(_wait, running)
        if not running.done() and await request.is_disconnected():
            cancel.set()
    return running.result()


def _wait(running: Future[Any]) -> None:
    try:
        running.exception(timeout=_POLL_SECONDS)
    except TimeoutError:
        return


def _event(value: dict[str, object]) -> str:
    return f"data: {json.dumps(value)}\n\n"


def _refusal() -> Any:
    return JSONResponse(error_body("the API key is missing or wrong", "invalid_api_key"), 401)


def _error(error: Exception) -> Any:
    if isinstance(error, ContextWindowExceeded):
        message = str(error)
        if error.tokens is not None and error.window is not None:
            message = (
                f"the maximum context length is {error.window} tokens; "
                f"you requested {error.tokens} tokens"
            )
        return JSONResponse(error_body(message, "context_length_exceeded"), 400)
    status = 503 if isinstance(error, ModelUnavailable) else 400
    return JSONResponse(error_body(str(error), type(error).__name__), status)


def serve(
    model: ModelBackend, *, host: str = "127.0.0.1", port: int = 8000, api_key: str | None = None
) -> None:
    """Serve until interrupted. The model is closed in the end."""
    import uvicorn

    try:
        uvicorn.run(
            ModelServer(model, api_key=api_key).app(),
            host=host,
            port=port,
            timeout_graceful_shutdown=_GOODBYE_SECONDS,
        )
    finally:
        model.close()
