"""A real HTTP server that stands where a model's server would, well-behaved or broken."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.serving import serving

Answer = Callable[["Handler", dict[str, Any]], None]
MODELS = {"object": "list", "data": [{"id": "stand-in", "max_model_len": 4096}]}


class Handler(BaseHTTPRequestHandler):
    """Answers GET /v1/models itself and hands every POST to the next scripted answer."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.server.headers_seen.append(dict(self.headers))
        if callable(self.server.models):
            self.server.models(self, {})
        else:
            self.send_json(self.server.models)

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", 0))
        body = json.loads(self.rfile.read(length))
        if self.path.endswith("/score"):
            self.send_json({"detail": "Not Found"}, 404)
            return
        self.server.requests.append((self.path, body))
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        answer(self, body)

    def send_json(self, value: object, status: int = 200, **headers: str) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        for name, text in headers.items():
            self.send_header(name.replace("_", "-"), text)
        self.end_headers()
        self.wfile.write(data)

    def start_stream(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True

    def send_event(self, value: object) -> None:
        text = value if isinstance(value, str) else json.dumps(value)
        self.wfile.write(f"data: {text}\n\n".encode())
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Tests are silent."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    allow_reuse_address = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.answers: list[Answer] = []
        self.models: Any = MODELS
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.headers_seen: list[dict[str, str]] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is part of the tests."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


@contextmanager
def stand_in_server(*answers: Answer, port: int = 0) -> Iterator[Server]:
    server = Server(port)
    server.answers = list(answers)
    with serving(server):
        yield server


def delta(index: int = 0, finish: str | None = None, **fields: object) -> dict[str, object]:
    return {"choices": [{"index": index, "delta": fields, "finish_reason": finish}]}


def stream(*events: object) -> Answer:
    """Send the events, then `[DONE]`."""

    def answer(handler: Handler, body: dict[str, Any]) -> None:
        handler.start_stream()
        for event in events:
            handler.send_event(event)
        handler.send_event("[DONE]")

    return answer


def cut_stream(*events: object) -> Answer:
    """Send the events, then hang up."""

    def answer(handler: Handler, body: dict[str, Any]) -> None:
        handler.start_stream()
        for event in events:
            handler.send_event(event)

    return answer


def failure(status: int, message: str = "no", **headers: str) -> Answer:
    def answer(handler: Handler, body: dict[str, Any]) -> None:
        handler.send_json({"error": {"message": message}}, status, **headers)

    return answer


def whole(value: object) -> Answer:
    """Answer with one JSON object, streaming asked for or not."""

    def answer(handler: Handler, body: dict[str, Any]) -> None:
        handler.send_json(value)

    return answer


def nonsense(handler: Handler, body: dict[str, Any]) -> None:
    data = b"<html>It works!</html>"
    handler.send_response(200)
    handler.send_header("content-length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


def hang(seconds: float) -> Answer:
    """Start a stream, send one piece and then nothing."""

    def answer(handler: Handler, body: dict[str, Any]) -> None:
        handler.start_stream()
        handler.send_event(delta(content="a"))
        time.sleep(seconds)

    return answer
