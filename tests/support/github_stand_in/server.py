"""The stand-in's HTTP side: limits, ETags, pages, and git over smart HTTP."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import json
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import httpx

from tests.support.github_stand_in.routes import ROUTES, Call
from tests.support.github_stand_in.world import Refused, World
from tests.support.serving import serving


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    api = "/api/v3"
    world: World

    def log_message(self, format: str, *args: object) -> None:
        """Tests read `world.calls`."""

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PATCH = do_PUT = do_DELETE = do_GET

    def _serve(self) -> None:
        body = self._read()
        parts = urlsplit(self.path)
        if parts.path.startswith(f"{self.api}/"):
            self._api(parts.path.removeprefix(self.api), dict(parse_qsl(parts.query)), body)
        else:
            self._git(parts.path, parts.query, body)

    def _read(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            pieces = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                pieces += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return pieces
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    # -- REST ---------------------------------------------------------------------------

    def _api(self, path: str, query: dict[str, str], body: bytes) -> None:
        world = self.world
        with world.lock:
            world.calls.append((self.command, path))
            try:
                for answer in world.answers:
                    if (refused := answer(self.command, path)) is not None:
                        raise refused
                status, data = self._routed(path, query, body)
            except Refused as refused:
                self._answer(refused.status, refused.body, refused.headers)
                return
        if world.cut_after(self.command, path):
            self.close_connection = True
            self.connection.close()
            return
        self._paged(status, data, path, query)

    def _routed(self, path: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        if not self.headers.get("user-agent"):
            raise Refused(403, "Request forbidden by administrative rules: no User-Agent")
        authorization = self.headers.get("authorization", "")
        if not authorization and not path.startswith("/app-manifests/"):
            raise Refused(401, "Requires authentication")
        if self.world.remaining <= 0:
            raise Refused(403, "API rate limit exceeded", headers=self._limits())
        self.world.remaining -= 1
        try:
            said = json.loads(body) if body else {}
        except ValueError as error:
            raise Refused(400, "Problems parsing JSON") from error
        for method, pattern, function in ROUTES:
            if method == self.command and (match := pattern.fullmatch(path)):
                named = {key: unquote(value) for key, value in match.groupdict().items()}
                return function(Call(self.world, authorization, query, said, named))
        raise Refused(404, "Not Found")

    def _paged(self, status: int, data: Any, path: str, query: dict[str, str]) -> None:
        headers: dict[str, str] = {}
        key = next((k for k in ("check_runs",) if isinstance(data, dict) and k in data), None)
        items = data[key] if key else data
        if self.command == "GET" and isinstance(items, list):
            size = min(int(query.get("per_page", 30)), 100)
            page = int(query.get("page", 1))
            if page * size < len(items):
                following = urlencode({**query, "page": page + 1})
                headers["Link"] = f'<{self._base()}{self.api}{path}?{following}>; rel="next"'
            items = items[(page - 1) * size : page * size]
            data = {**data, key: items} if key else items
        if self.command == "GET" and status == 200:
            tag = f'W/"{hashlib.sha256(json.dumps(data).encode()).hexdigest()[:32]}"'
            headers["ETag"] = tag
            if self.headers.get("if-none-match") == tag:
                self.world.remaining += 1  # GitHub does not count these
                self.world.not_modified += 1
                self._answer(304, None, headers)
                return
        self._answer(status, data, headers)

    def _limits(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": "5000",
            "X-RateLimit-Remaining": str(max(0, self.world.remaining)),
            "X-RateLimit-Reset": str(int(time.time()) + 60),
        }

    def _base(self) -> str:
        return f"http://{self.headers['host']}"

    def _answer(self, status: int, data: Any, headers: dict[str, str]) -> None:
        content = b"" if data is None else json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        for name, value in {**self._limits(), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    # -- git ----------------------------------------------------------------------------

    def _basic(self) -> str:
        kind, _, value = self.headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic":
            raise Refused(401, "", headers={"WWW-Authenticate": 'Basic realm="GitHub"'})
        return base64.b64decode(value).decode().partition(":")[2]

    def _git(self, path: str, query: str, body: bytes) -> None:
        name = path.partition(".git/")[0].lstrip("/")
        writes = "git-receive-pack" in path or "git-receive-pack" in query
        try:
            token = self._basic()
            with self.world.lock:
                self.world.calls.append(("PUSH" if path.endswith("receive-pack") else "GIT", path))
                self.world.need(token, name, "contents", "write" if writes else "read")
                for answer in self.world.answers:
                    if (refused := answer(self.world.calls[-1][0], path)) is not None:
                        raise refused
        except Refused as refused:
            self._answer(refused.status, refused.body, refused.headers)
            return
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        environment = {
            "PATH": "/usr/bin:/bin",
            "GIT_PROJECT_ROOT": str(self.world.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("git-protocol", ""),
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_USER": "token",
        }
        done = subprocess.run(
            ["git", "http-backend"], input=body, env=environment, capture_output=True, check=False
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        if self.world.cut_after(self.world.calls[-1][0], path):
            self.close_connection = True
            self.connection.close()
            return
        lines = [line.decode().split(": ", 1) for line in head.split(b"\r\n")]
        fields = {name.lower(): value for name, value in lines}
        self.send_response(int(fields.pop("status", "200").split()[0]))
        for field, text in fields.items():
            self.send_header(field, text)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class StandIn:
    """A running stand-in."""

    path = Handler.api

    def __init__(self, world: World, url: str) -> None:
        self.world = world
        self.url = url
        self.api_url = f"{url}{self.path}"

    def request(
        self, event: str, payload: dict[str, Any], *, delivery_id: str | None = None
    ) -> tuple[dict[str, str], bytes]:
        """Headers and body of a delivery as GitHub sends it."""
        body = json.dumps(payload).encode()
        digest = hmac.new(self.world.webhook_secret.encode(), body, "sha256").hexdigest()
        headers = {
            "content-type": "application/json",
            "user-agent": "GitHub-Hookshot/stand-in",
            "x-github-delivery": delivery_id or str(uuid.uuid4()),
            "x-github-event": event,
            "x-hub-signature-256": f"sha256={digest}",
        }
        return headers, body

    def deliver(self, webhook_url: str, event: str, payload: dict[str, Any]) -> httpx.Response:
        headers, body = self.request(event, payload)
        return httpx.post(webhook_url, headers=headers, content=body, timeout=10)


@contextmanager
def running_stand_in(root: Path) -> Iterator[StandIn]:
    world = World(root)
    with listening(Handler, world) as url:
        yield StandIn(world, url)


@contextmanager
def listening(handler: type[Handler], world: World) -> Iterator[str]:
    """The address at which a handler serves a world."""
    bound = type("BoundHandler", (handler,), {"world": world})
    server = ThreadingHTTPServer(("127.0.0.1", 0), bound)
    server.daemon_threads = True
    with serving(server):
        yield f"http://127.0.0.1:{server.server_address[1]}"
