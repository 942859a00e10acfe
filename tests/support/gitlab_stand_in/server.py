"""The HTTP side of the stand-in of GitLab, and its webhook."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

from tests.support.github_stand_in.server import Handler, StandIn, listening
from tests.support.github_stand_in.world import Refused
from tests.support.gitlab_stand_in.routes import ROUTES, Call
from tests.support.gitlab_stand_in.world import GitLabWorld


class GitLabHandler(Handler):
    api = "/api/v4"

    def _routed(self, path: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        world = cast(GitLabWorld, self.world)
        authorization = self.headers.get("authorization", "")
        fields = json.loads(body) if body else {}
        for method, pattern, function in ROUTES:
            if method == self.command and (match := pattern.fullmatch(path)):
                parts = {key: unquote(value) for key, value in match.groupdict().items()}
                return function(Call(world, authorization, query, fields, parts))
        raise Refused(404, "404 Not Found")

    def _limits(self) -> dict[str, str]:
        return {"RateLimit-Limit": "600", "RateLimit-Remaining": "599"}


class GitLabStandIn(StandIn):
    """A running stand-in of GitLab."""

    path = GitLabHandler.api
    world: GitLabWorld

    def request(
        self, event: str, payload: dict[str, Any], *, delivery_id: str | None = None
    ) -> tuple[dict[str, str], bytes]:
        """Headers and body of a delivery as GitLab sends it."""
        headers = {
            "content-type": "application/json",
            "user-agent": "GitLab/18.0.0-stand-in",
            "idempotency-key": delivery_id or str(uuid.uuid4()),
            "x-gitlab-event": event,
            "x-gitlab-event-uuid": str(uuid.uuid4()),
            "x-gitlab-token": self.world.webhook_secret,
        }
        return headers, json.dumps(payload).encode()


@contextmanager
def running_gitlab(root: Path) -> Iterator[GitLabStandIn]:
    world = GitLabWorld(root)
    with listening(GitLabHandler, world) as url:
        yield GitLabStandIn(world, url)
