"""Requests that a page of another site made a browser send are refused. Plain ASGI.

A browser says where a request comes from: in `Sec-Fetch-Site`, and with every POST in `Origin`.
What says neither is no browser's doing. https://www.w3.org/TR/fetch-metadata/
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from workers.jobs.problems import TYPE_PREFIX
from workers.web.api.problems import problem
from workers.web.limits import App, Receive, Scope, Send

SAME_ORIGIN_SITES = frozenset({"same-origin", "none"})
"""`none`: typed, or opened from a bookmark. `same-site` is another port, so somebody else's."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
DEFAULT_PORTS = {"http": ":80", "https": ":443"}
REFUSAL = (
    "The request comes from a page of another site, or a proxy before the service changes `Host`."
)


class SameOrigin:
    """Lets other sites link here, and nothing else. Paths that begin with one of `free` are for
    servers, which sign what they send."""

    def __init__(self, app: App, free: tuple[str, ...] = ()) -> None:
        self._app = app
        self._free = free

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["path"].startswith(self._free or ("\0",)):
            headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
            if _foreign(scope["method"], headers):
                title = "This page may not do that here"
                answer = problem(403, TYPE_PREFIX + "cross-site", title, REFUSAL)
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _foreign(method: str, headers: Mapping[str, str]) -> bool:
    site = headers.get("sec-fetch-site")
    if site is not None and site not in SAME_ORIGIN_SITES:
        is_navigation = headers.get("sec-fetch-mode") == "navigate"
        return not (is_navigation and method in SAFE_METHODS)
    origin = headers.get("origin")
    if method in SAFE_METHODS or origin is None:
        return False
    return not _is_here(origin, headers.get("host", ""))


def _is_here(origin: str, host: str) -> bool:
    """Whether they name one machine and port. (The scheme is the proxy's business.)"""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    port = DEFAULT_PORTS.get(parts.scheme)
    if port is None:  # `null` among them
        return False
    return parts.netloc.lower().removesuffix(port) == host.lower().removesuffix(port)
