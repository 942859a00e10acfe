"""An index that wants credentials: the host adds them, the sandbox never has them.

Inside, the index is a port of the loopback. Only what belongs to the index is asked for with the
credentials: what lies beside or below it, and what its own pages link to. So a build cannot read
whatever else the user may read at that host.
"""

from __future__ import annotations

import html
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urljoin, urlsplit

from sandbox.egress.dial import Refused, basic
from sandbox.egress.fetch import Destination
from sandbox.egress.rules import HTTP, HTTPS, host_of

MAX_LINKS = 500_000
"""Links kept of all pages of one index."""
_DEFAULT_PORTS = {"http": HTTP, "https": HTTPS}
_HREF = re.compile(rb"""href\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_ODD = re.compile(r"/\.{1,2}(?:/|$)|[\\;]|//|%(?:2e|2f|5c|25|3b|00)", re.IGNORECASE)
"""What servers may take for a step up, each in its own way."""


@dataclass(frozen=True, kw_only=True)
class PrivateIndex:
    """One index URL with credentials, and the port that stands for it inside."""

    url: str
    authorization: str
    """Value of the header that is added."""
    port: int
    links: set[str] = field(default_factory=set, repr=False)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def inside(self) -> str:
        """The URL that the sandbox gets."""
        parts = urlsplit(self.url)
        return f"{self._base}{parts.path}{'?' + parts.query if parts.query else ''}"

    @property
    def _base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def _origin(self) -> re.Pattern[bytes]:
        parts = urlsplit(self.url)
        port = f"(?::{parts.port or _DEFAULT_PORTS[parts.scheme]})"
        optional = "?" if host_of(self.url)[1] == _DEFAULT_PORTS[parts.scheme] else ""
        host = re.escape(f"{parts.scheme}://{parts.hostname}")
        return re.compile(rf"{host}{port}{optional}(?=[/?#\"']|$)".encode(), re.IGNORECASE)

    @property
    def _scope(self) -> str:
        """The folder of the index: `/team/pypi/` for `/team/pypi/simple/`."""
        return urlsplit(self.url).path.rstrip("/").rpartition("/")[0] + "/"

    def place(self, target: str) -> Destination:
        """Where a request for `target`, a path, leads. Raises Refused."""
        path = target.partition("?")[0]
        is_in_index = path.startswith(self._scope) and not _ODD.search(path)
        with self.lock:
            is_linked = target in self.links or path in self.links
            is_linked = is_linked or path.removesuffix(".metadata") in self.links
        if not is_in_index and not is_linked:
            raise Refused(f"{path[:200]} was refused: it is no part of the index")
        host, port = host_of(self.url)
        page = path.startswith(urlsplit(self.url).path.rstrip("/"))
        return Destination(
            scheme=urlsplit(self.url).scheme,
            host=host,
            port=port,
            path=target,
            headers={"authorization": self.authorization},
            rewrite_page=partial(self._rewrite, target) if page else None,
            rewrite_redirect=partial(self._rewrite, target),
        )

    def _rewrite(self, page: str, text: bytes) -> bytes:
        """Lead links to the same host through the port inside, and note where links lead."""
        base = urljoin(self.url, page)
        paths = [path for link in _links(text) if (path := self._path(base, link)) is not None]
        with self.lock:
            self.links.update(paths[: MAX_LINKS - len(self.links)])
        return self._origin.sub(self._base.encode(), text)

    def _path(self, base: str, link: str) -> str | None:
        try:
            parts = urlsplit(urljoin(base, link))
            is_same_host = host_of(parts.geturl()) == host_of(self.url)
        except ValueError:
            return None
        if not is_same_host or parts.scheme != urlsplit(self.url).scheme or not parts.path:
            return None
        return f"{parts.path}?{parts.query}" if parts.query else parts.path


def private_index(url: str, port: int) -> PrivateIndex:
    """The private index of a URL with a user and a password in it."""
    parts = urlsplit(url)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return PrivateIndex(url=bare, authorization=basic(parts), port=port)


def _links(text: bytes) -> Iterator[str]:
    """Links of a page, of its JSON form, or the target of a redirect."""
    if text.lstrip()[:1] == b"{":
        yield from _of_json(text)
        return
    if b"<" not in text:
        yield text.decode("utf-8", "replace").strip()
    for match in _HREF.finditer(text):
        yield html.unescape((match[1] or match[2] or b"").decode("utf-8", "replace")).strip()


def _of_json(text: bytes) -> Iterator[str]:
    try:
        files = json.loads(text).get("files", [])
        yield from [str(entry["url"]) for entry in files if "url" in entry]
    except (ValueError, TypeError, AttributeError, RecursionError):
        return
