"""One model for many clients: an OpenAI-compatible HTTP endpoint over any backend.

`GET /health`, `GET /v1/models`, `POST /v1/chat/completions` (streamed or not), and
`POST /v1/score`, which is ours: log-probabilities of continuations after one prefix.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import threading
from collections.abc import AsyncIterator
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from agent.model.base import Completion, ModelBackend, Scorer, TokenEvent, TokenListener
from agent.model.errors import ContextWindowExceeded, ModelError, ModelUnavailable
from agent.model.health import Health, Monitored
from agent.model.openai_api.server.server_answers import StreamWriter, error_body, write_answer
from agent.model.openai_api.server.server_call import (
    CallPool,
    ClientCall,
    ClientLeft,
    TooManyCalls,
    Work,
)
from agent.model.openai_api.server.server_requests import (
    BadRequest,
    ChatRequest,
    read_chat_request,
    read_messages,
)

T = TypeVar("T")
_MAX_CONCURRENT_CALLS = 128
_RETRY_AFTER_SECONDS = 5
_CLIENT_CLOSED_REQUEST = 499
_MAX_BODY_BYTES = 64 * 1024 * 1024
_SHUTDOWN_SECONDS = 3
"""At the end, for answers that are nearly ready; uvicorn wants whole seconds."""


class ModelServer:
    """The endpoints. The model belongs to whoever made it."""

    def __init__(
        self,
        model: ModelBackend,
        *,
        api_key: str | None = None,
        most_calls: int = _MAX_CONCURRENT_CALLS,
    ) -> None:
        """Of more than `most_calls` at once the others are told to come again (429)."""
        self._model = model
        self._api_key = api_key
        self._name = model.name.split(":", 1)[-1]
        self._calls = CallPool(most_calls)

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
        health = _health_of(self._model)
        body = {"status": health.status, "model": self._name, "reason": health.reason}
        return JSONResponse(body, 200 if health.works else 503)

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
            chat_request = read_chat_request(await _body(request))
            if chat_request.stream:
                return await self._streamed(chat_request, request)
            call = ClientCall(
                self._calls, request, lambda _, cancel: self._ask(chat_request, None, cancel)
            )
            await call.first()
            return JSONResponse(write_answer(self._name, call.result()))
        except (BadRequest, ModelError, TooManyCalls, ClientLeft) as error:
            return _error(error)

    async def _streamed(self, chat_request: ChatRequest, request: Any) -> Any:
        """Start an answer; an error that comes before any text is still an HTTP error."""
        call = self._call(request, lambda hear, cancel: self._ask(chat_request, hear, cancel))
        first = await call.first()
        if first is None:
            call.result()
        return _EventStream(call, self._lines(chat_request, first, call))

    async def _lines(
        self,
        chat_request: ChatRequest,
        first: TokenEvent | None,
        call: ClientCall[list[Completion]],
    ) -> AsyncIterator[str]:
        """Server-sent events."""
        writer = StreamWriter(self._name)
        async for piece in call.pieces(first):
            chunk = writer.piece(piece)
            if chunk is not None:
                yield _event(chunk)
        try:
            completions = call.result()
        except ModelError as error:
            yield _event(error_body(str(error), type(error).__name__))
            return
        for chunk in writer.end(completions):
            yield _event(chunk)
        if chat_request.include_usage:
            yield _event(writer.usage(completions))
        yield "data: [DONE]\n\n"

    async def _score(self, request: Any) -> Any:
        if not self._allowed(request):
            return _refusal()
        try:
            body = await _body(request)
            call = self._call(request, lambda _, cancel: self._scores(body, cancel))
            await call.first()
            return JSONResponse({"scores": call.result()})
        except (BadRequest, ModelError, TooManyCalls, ClientLeft) as error:
            return _error(error)

    def _scores(self, body: dict[str, object], cancel: threading.Event) -> list[float]:
        texts, prefix = body.get("continuations"), body.get("prefix")
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise BadRequest("continuations must be a list of texts")
        if not isinstance(self._model, Scorer):
            raise BadRequest("this model cannot score")
        start = prefix if isinstance(prefix, str) else read_messages(body.get("messages"))
        return self._model.score(start, texts, cancel=cancel)

    def _call(self, request: Any, work: Work[T]) -> ClientCall[T]:
        return ClientCall(self._calls, request, work)

    def _ask(
        self, chat_request: ChatRequest, hear: TokenListener | None, cancel: threading.Event
    ) -> list[Completion]:
        return self._model.generate(
            chat_request.messages,
            chat_request.tools,
            chat_request.params,
            chat_request.n,
            on_token=hear,
            cancel=cancel,
        )

    def _allowed(self, request: Any) -> bool:
        if self._api_key is None:
            return True
        authorization = request.headers.get("authorization", "")
        return secrets.compare_digest(authorization.encode(), f"Bearer {self._api_key}".encode())


class _EventStream:
    """Events for one client; however they end, the model need not go on for it."""

    def __init__(self, call: ClientCall[Any], lines: AsyncIterator[str]) -> None:
        self._response = StreamingResponse(lines, media_type="text/event-stream")
        self._call = call

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await self._response(scope, receive, send)
        finally:
            self._call.leave()


async def _body(request: Any) -> dict[str, object]:
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > _MAX_BODY_BYTES:
            raise BadRequest("the request is larger than 64 MiB")
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the request is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise BadRequest("the request must be a JSON object")
    return body


def _event(value: dict[str, object]) -> str:
    return f"data: {json.dumps(value)}\n\n"


def _refusal() -> Any:
    return JSONResponse(error_body("the API key is missing or wrong", "invalid_api_key"), 401)


def _health_of(model: ModelBackend) -> Health:
    return model.health() if isinstance(model, Monitored) else Health(status="ok")


def _error(error: Exception) -> Any:
    if isinstance(error, ClientLeft):
        return Response(status_code=_CLIENT_CLOSED_REQUEST)
    if isinstance(error, TooManyCalls):
        body = error_body("too many calls at once; come again in a moment", "too_many_calls")
        return JSONResponse(body, 429, {"retry-after": str(_RETRY_AFTER_SECONDS)})
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
    """Serve until interrupted. The model is closed in the end.

    Raises ModelUnavailable when the model stopped by itself, so that whoever supervises the
    process starts it anew.
    """
    import uvicorn

    config = uvicorn.Config(
        ModelServer(model, api_key=api_key).app(),
        host=host,
        port=port,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    server = uvicorn.Server(config)
    try:
        if isinstance(model, Monitored):
            model.when_stopped(lambda: setattr(server, "should_exit", True))
        with contextlib.suppress(KeyboardInterrupt):
            server.run()
        health = _health_of(model)
    finally:
        model.close()
    if health.status == "stopped":
        raise ModelUnavailable(health.reason)
