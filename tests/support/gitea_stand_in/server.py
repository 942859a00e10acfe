"""The HTTP side of the stand-in of Gitea, and its webhook."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

from tests.support.gitea_stand_in.routes import ROUTES, Call
from tests.support.gitea_stand_in.world import GiteaWorld
from tests.support.github_stand_in.server import Handler, StandIn, listening
from tests.support.github_stand_in.world import Refused


class GiteaHandler(Handler):
    api = "/api/v1"

    def _routed(self, path: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        world = cast(GiteaWorld, self.world)
        authorization = self.headers.get("authorization", "")
        fields = json.loads(body) if body else {}
        for method, pattern, function in ROUTES:
            if method == self.command and (match := pattern.fullmatch(path)):
                parts = {key: unquote(value) for key, value in match.groupdict().items()}
                return function(Call(world, authorization, query, fields, parts))
        raise Refused(404, "Not Found")

    def _paged(self, status: int, data: Any, path: str, query: dict[str, str]) -> None:
        if isinstance(data, dict) and data.keys() == {"unpaged"}:
            self._answer(status, data["unpaged"], {})
        elif isinstance(data, dict) and data.keys() == {"text"}:
            self._write(data["text"].encode())
        else:
            size = {"per_page": query["limit"]} if "limit" in query else {}
            super()._paged(status, data, path, {**query, **size})

    def _write(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _limits(self) -> dict[str, str]:
        return {}


class GiteaStandIn(StandIn):
    """A running stand-in of Gitea."""

    path = GiteaHandler.api
    world: GiteaWorld

    def request(
        self, event: str, payload: dict[str, Any], *, delivery_id: str | None = None
    ) -> tuple[dict[str, str], bytes]:
        """Headers and body of a delivery as Gitea sends it."""
        body = json.dumps(payload).encode()
        secret = self.world.webhook_secret.encode()
        headers = {
            "content-type": "application/json",
            "x-gitea-delivery": delivery_id or str(uuid.uuid4()),
            "x-gitea-event": event,
            "x-gitea-signature": hmac.new(secret, body, hashlib.sha256).hexdigest(),
        }
        return headers, body


@contextmanager
def running_gitea(root: Path) -> Iterator[GiteaStandIn]:
    world = GiteaWorld(root)
    with listening(GiteaHandler, world) as url:
        yield GiteaStandIn(world, url)
