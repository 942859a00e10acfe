"""Making the GitHub App: the manifest flow, on a page of this machine's loopback.

https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

from __future__ import annotations

import html
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx

from sandbox.host.private_files import private_folder
from workers.forges.errors import CallFailed, ForgeError

APP_PERMISSIONS: Mapping[str, str] = {
    "actions": "read",  # hearing of failed workflow runs
    "checks": "write",  # the check run of a job; the failed checks that start one
    "contents": "write",  # fetch commits, push branches of our own
    "issues": "write",  # status comments and reactions
    "metadata": "read",  # who may write
    "pull_requests": "write",  # open one, suggest on its lines
}
APP_EVENTS = (
    "issues",
    "issue_comment",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "check_suite",
    "workflow_run",
)
SETUP_SECONDS = 3600.0
"""To come back from GitHub in: a code of the manifest flow is good for that long."""
FORM_PAGE = """<!doctype html><meta charset="utf-8"><title>Repair</title>
<h1>Make the GitHub App</h1>
<p>Its name will be <b>{name}</b> (it can be changed on GitHub's page), and its owner {owner}.
Deliveries go to <code>{webhook}</code>. It may, in the repositories that you install it on:</p>
<ul>{permissions}</ul>
<p>GitHub shows this once more, and asks you to agree.</p>
<form action="{action}" method="post">
<input type="hidden" name="manifest" value="{manifest}"><button>Go to GitHub</button></form>"""
DONE_PAGE = (
    '<!doctype html><meta charset="utf-8"><title>Repair</title><p>Done. Go back to the terminal.'
)


@dataclass(frozen=True, kw_only=True)
class AppRequest:
    """Name, addresses and owner of the GitHub App to create."""

    name: str
    service_url: str
    """Where GitHub reaches the service, e.g. `https://repair.example.com`."""
    organisation: str | None = None
    """Whose App it is; None: the account's that is signed in."""
    api_url: str
    web_url: str


@dataclass(frozen=True)
class CreatedApp:
    """An App that was made."""

    slug: str
    html_url: str
    settings: Mapping[str, Any] = field(repr=False)
    """Its id, key and secret, and GitHub's addresses, by the names of `GitHubSettings`."""


@dataclass(frozen=True, kw_only=True)
class ListenOptions:
    """Where the page is served while it waits for the owner to come back."""

    bind: str = "127.0.0.1"
    """In a container `0.0.0.0`, with the port published on the loopback of its machine."""
    port: int = 0
    """0: any that is free."""
    seconds: float = SETUP_SECONDS


def manifest(app_request: AppRequest, redirect_url: str) -> dict[str, Any]:
    """What GitHub is asked to make. Only the owner can install it."""
    service = app_request.service_url.rstrip("/")
    return {
        "name": app_request.name,
        "url": service,
        "public": False,
        "redirect_url": redirect_url,
        "hook_attributes": {"url": f"{service}/github/webhook", "active": True},
        "default_permissions": dict(APP_PERMISSIONS),
        "default_events": list(APP_EVENTS),
        "description": "Repairs failing tests and opens a draft pull request.",
    }


def set_up(
    app_request: AppRequest,
    options: ListenOptions,
    show: Callable[[str], None],
    stop: threading.Event,
) -> CreatedApp | None:
    """Serve the page until GitHub sends the owner back to it; None when `stop` came first.

    `show` is told the page's address. Raises CallFailed, also when nobody comes back in time.
    """
    flow = _Flow(app_request, options)
    deadline = time.monotonic() + options.seconds
    with flow.server:
        thread = threading.Thread(target=flow.server.serve_forever, daemon=True)
        thread.start()
        try:
            show(flow.address)
            while not flow.came_back.wait(0.2):
                if stop.is_set():
                    return None
                if time.monotonic() > deadline:
                    raise CallFailed("nobody came back from GitHub in time; start it again")
        finally:
            flow.server.shutdown()
            thread.join()
    return _convert(app_request, flow.code)


class _Flow:
    """The page, and the code GitHub sends back."""

    def __init__(self, app_request: AppRequest, options: ListenOptions) -> None:
        self.state = secrets.token_urlsafe(24)
        self.came_back = threading.Event()
        self.code = ""
        handler = type("_BoundPage", (_Page,), {"flow": self})
        self.server = ThreadingHTTPServer((options.bind, options.port), handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"
        path_prefix = (
            f"organizations/{quote(app_request.organisation)}/" if app_request.organisation else ""
        )
        action = (
            f"{app_request.web_url.rstrip('/')}/{path_prefix}settings/apps/new?state={self.state}"
        )
        app_manifest = manifest(app_request, f"{self.address}/done")
        permissions = (f"<li>{name}: {level}" for name, level in APP_PERMISSIONS.items())
        self.page = FORM_PAGE.format(
            name=html.escape(app_request.name),
            owner=html.escape(app_request.organisation or "the account that is signed in there"),
            webhook=html.escape(app_manifest["hook_attributes"]["url"]),
            permissions="".join(permissions),
            action=html.escape(action),
            manifest=html.escape(json.dumps(app_manifest)),
        )


class _Page(BaseHTTPRequestHandler):
    flow: _Flow

    def log_message(self, format: str, *args: Any) -> None:
        """The address holds a code that is good for an App's key."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if f"http://{self.headers.get('host')}" != self.flow.address:
            self._answer(403, "")  # another site's name that leads to this address
        elif parts.path == "/":
            self._answer(200, self.flow.page)
        elif parts.path == "/done":
            parameters = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if not secrets.compare_digest(
                parameters.get("state", "").encode(), self.flow.state.encode()
            ):
                self._answer(403, "")
                return
            self._answer(200, DONE_PAGE)
            self.flow.code = parameters.get("code", "")
            self.flow.came_back.set()
        else:
            self._answer(404, "")

    def _answer(self, status: int, text: str) -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(content)


def _convert(app_request: AppRequest, code: str) -> CreatedApp:
    """Exchange the code for the App's key. A code is good once, for an hour."""
    headers = {"accept": "application/vnd.github+json", "user-agent": "repair-agent"}
    api = app_request.api_url.rstrip("/")
    try:
        with httpx.Client(base_url=api, headers=headers, timeout=20.0) as client:
            answer = client.post(f"/app-manifests/{quote(code, safe='')}/conversions")
            answer.raise_for_status()
            app = answer.json()
            bot = client.get(f"/users/{quote(app['slug'])}%5Bbot%5D")
        values = {
            "app_id": int(app["id"]),
            "private_key": app["pem"],
            "webhook_secret": app["webhook_secret"],
            "api_url": app_request.api_url,
            "web_url": app_request.web_url,
        }
        if bot.is_success:
            values["bot_id"] = int(bot.json()["id"])
    except (httpx.HTTPError, KeyError, TypeError, ValueError) as error:
        raise CallFailed(
            f"GitHub did not hand over the App ({error}); remove it there and try again"
        ) from error
    return CreatedApp(str(app["slug"]), str(app.get("html_url", "")), values)


def variables(settings: Mapping[str, Any]) -> str:
    """The settings as lines of an environment file, such as `docker/github.env`."""
    lines = [
        f"REPAIR_GITHUB_{name.upper()}={str(value).replace(chr(10), chr(92) + 'n')}"
        for name, value in settings.items()
    ]
    return "\n".join(lines)


def save(app: Mapping[str, Any], path: Path) -> None:
    """Write the file, whole or not at all, for nobody else's eyes. Raises ForgeError."""
    try:
        if not path.parent.exists():
            private_folder(path.parent)
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(app, stream, indent=1)
        partial.replace(path)
    except OSError as error:
        raise ForgeError(f"the App was made but {path} cannot be written: {error}") from error
