"""The client against a server that fails in between: real HTTP on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from workers.client import http as http_client
from workers.client.http import HttpClient
from workers.errors import JobNotFound, StoreUnavailable, TooManyStreams, WorkersError
from workers.jobs.problems import MEDIA_TYPE, kind_of
from workers.jobs.view import EventView

BEGUN, MORE = (
    f'id: {seq}\nevent: job\ndata: {{"seq": {seq}, "kind": "log", "data": {{}}, '
    f'"at": "2026-11-30T12:00:0{seq}Z"}}\n\n'
    for seq in (1, 2)
)
END = "event: end\ndata: {}\n\n"


@contextmanager
def answering(*answers: str | WorkersError) -> Iterator[tuple[HttpClient, list[str]]]:
    """A server that gives these answers in turn, and what each request said it had seen."""
    left, seen = list(answers), list[str]()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers["Last-Event-ID"])
            answer = left.pop(0)
            kind = kind_of(answer) if isinstance(answer, WorkersError) else None
            problem = (
                {"type": kind.type, "title": kind.title, "detail": str(answer)} if kind else {}
            )
            self.send_response(kind.status if kind else 200)
            self.send_header("Content-Type", MEDIA_TYPE if kind else "text/event-stream")
            self.end_headers()
            self.wfile.write((json.dumps(problem) if kind else str(answer)).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    client = HttpClient(f"http://127.0.0.1:{server.server_port}", "secret")
    try:
        yield client, seen
    finally:
        client.close()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "RECONNECT_PAUSES_SECONDS", (0.01, 0.01, 0.01))


def numbers(events: Iterator[EventView]) -> list[int]:
    return [event.seq for event in events]


def test_a_stream_goes_on_where_it_was_while_the_server_comes_back() -> None:
    away, full = StoreUnavailable("the database is away"), TooManyStreams("4 streams are open")
    with answering(BEGUN, away, full, MORE + END) as (client, seen):
        assert numbers(client.events("1-a", wait=True)) == [1, 2]
    assert seen == ["0", "1", "1", "1"]


def test_a_server_that_stays_away_is_told_in_its_own_words() -> None:
    away = [StoreUnavailable("the database is away")] * 4
    with answering(*away) as (client, _), pytest.raises(StoreUnavailable, match="is away"):
        numbers(client.events("1-a", wait=True))


@pytest.mark.parametrize(
    "error", [TooManyStreams("4 streams are open"), JobNotFound("no such job")]
)
def test_what_does_not_pass_by_itself_is_told_at_once(error: WorkersError) -> None:
    with answering(error) as (client, seen), pytest.raises(type(error), match=str(error)):
        numbers(client.events("1-a", wait=True))
    assert seen == ["0"]
