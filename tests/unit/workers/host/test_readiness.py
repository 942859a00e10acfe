"""The one line that says that a service is ready."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.support.services import free_port
from workers.config import ServiceSettings
from workers.host import readiness
from workers.host.readiness import tell_when_ready, web_address


@contextmanager
def answering(checks: dict[str, bool]) -> Iterator[int]:
    """The port of a web process whose `/readyz` answers with these checks."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/readyz"
            body = json.dumps({"ready": all(checks.values()), "checks": checks}).encode()
            self.send_response(404 if not found else 200 if all(checks.values()) else 503)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def settings(folder: Path, port: int, public_url: str | None = None) -> ServiceSettings:
    return ServiceSettings(state_dir=folder, listen_port=port, public_url=public_url)


@pytest.mark.parametrize("public_url", [None, "https://repair.example.com"])
def test_one_line_says_where_it_is_and_what_to_do(
    public_url: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    said = list[str]()
    with answering({"database": True, "workers": True}) as port:
        own = settings(tmp_path, port, public_url)
        tell_when_ready(own, tmp_path / "service", lambda: False, said.append)
    assert said == [
        f"Ready: {public_url or f'http://127.0.0.1:{port}'} (`repair submit REPO --wait` queues a "
        f"repair; Ctrl-C ends all; logs: {tmp_path / 'service'})"
    ]


def test_what_is_missing_is_said_once_and_it_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(readiness, "POLL_SECONDS", 0.01)
    checks = {"database": True, "workers": False, "sandbox": False}
    said = list[str]()
    turns = iter(range(10))

    def stopping() -> bool:
        if next(turns) == 3:
            checks.update(workers=True, sandbox=True)
        return False

    with answering(checks) as port:
        tell_when_ready(settings(tmp_path, port), tmp_path, stopping, said.append)
    first, second = said
    assert first.startswith("Not ready after 0 s, for want of workers, sandbox (`repair doctor`")
    assert second.startswith("Ready: ")


def test_where_nothing_answers_the_web_process_is_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "PATIENCE_SECONDS", 0.0)
    said = list[str]()
    own = settings(tmp_path, free_port())
    tell_when_ready(own, tmp_path, lambda: bool(said), said.append)
    assert said[0].startswith("Not ready after 0 s, for want of web (")


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:1"),
        ("0.0.0.0", "http://127.0.0.1:1"),
        ("::", "http://[::1]:1"),
        ("fd00::7", "http://[fd00::7]:1"),
        ("localhost", "http://localhost:1"),
    ],
)
def test_an_address_that_answers_on_this_machine(host: str, address: str) -> None:
    assert web_address(host, 1) == address
