"""Calls to the REST API: limits respected, ETags used, pages followed, errors given names.

gidgethub's sans-IO half reads the responses, which look alike on all forges; httpx carries them.
One client serves all threads of a process, so that its pace holds for all of them.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, ClassVar
from urllib.parse import urlsplit

import gidgethub
import httpx
from gidgethub import sansio

from workers.forges.errors import (
    CallFailed,
    Forbidden,
    NotVisible,
    RateLimited,
    Rejected,
    Unauthorized,
    Unreachable,
)

USER_AGENT = "repair-agent"
REQUEST_TIMEOUT_SECONDS = 20.0
MAX_CACHED_RESPONSES = 500
MAX_RESPONSE_BYTES = 16 * 1024 * 1024
SECONDARY_LIMIT_WAIT_SECONDS = 60.0
"""To wait when a forge limits us and does not say for how long, as GitHub's documentation asks."""


class ApiClient:
    """A connection to the API of one forge."""

    title: ClassVar[str]
    headers: ClassVar[Mapping[str, str]]
    """That every call carries."""
    page_parameter: ClassVar[str] = "per_page"
    """How a query asks for items of a page."""
    refusals: ClassVar[frozenset[int]] = frozenset({409, 422})
    """Answers to a call that was understood."""

    def __init__(
        self,
        api_url: str,
        *,
        write_interval_seconds: float = 1.0,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._api = api_url.rstrip("/")
        self._scheme, self._host = urlsplit(api_url)[:2]
        self._http = httpx.Client(timeout=REQUEST_TIMEOUT_SECONDS, transport=transport)
        self._sleep = sleep
        self._interval = write_interval_seconds
        self._lock = threading.Lock()
        self._next_change = 0.0
        self._closed_until: dict[str, float] = {}
        self._etags: OrderedDict[tuple[str, str], tuple[str, Any, str | None]] = OrderedDict()

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, authorization: str) -> Any:
        """Read one resource of the API. Raises CallFailed."""
        return self._page(path, authorization)[0]

    def pages(self, path: str, authorization: str, key: str | None = None) -> Iterator[Any]:
        """Every item of a list, over all its pages. `key` names the list inside an object."""
        url: str | None = path + ("&" if "?" in path else "?") + f"{self.page_parameter}=100"
        while url is not None:
            data, url = self._page(url, authorization)
            yield from (data if key is None else data[key])

    def change(self, method: str, path: str, authorization: str, body: object = None) -> Any:
        """POST, PATCH, PUT or DELETE. Raises CallFailed; the caller finds out what was done."""
        self._pace()
        response = self._send(method, path, authorization, {}, body)
        return self._read(response, authorization)[0]

    def _page(self, path: str, authorization: str) -> tuple[Any, str | None]:
        key = (path, authorization)
        entry = self._etags.get(key)
        extra = {"if-none-match": entry[0]} if entry else {}
        response = self._send("GET", path, authorization, extra, None)
        if response.status_code == httpx.codes.NOT_MODIFIED and entry is not None:
            return entry[1], entry[2]
        data, next_path = self._read(response, authorization)
        if etag := response.headers.get("etag"):
            with self._lock:
                self._etags[key] = (etag, data, next_path)
                while len(self._etags) > MAX_CACHED_RESPONSES:
                    self._etags.popitem(last=False)
        return data, next_path

    def _send(
        self,
        method: str,
        path: str,
        authorization: str,
        extra: Mapping[str, str],
        body: object,
    ) -> httpx.Response:
        self._check_closed(authorization)
        headers = {
            "user-agent": USER_AGENT,
            **self.headers,
            "authorization": authorization,
            **extra,
        }
        try:
            with self._http.stream(method, self._url(path), headers=headers, json=body) as response:
                return self._whole(response)
        except httpx.HTTPError as error:
            raise Unreachable(f"{self.title} does not answer: {type(error).__name__}") from error

    def _whole(self, response: httpx.Response) -> httpx.Response:
        """The response with its content. Raises CallFailed where that is too large: a diff is as
        large as whoever proposed it made it."""
        content = bytearray()
        for piece in response.iter_bytes():
            content += piece
            if len(content) > MAX_RESPONSE_BYTES:
                raise CallFailed(f"{self.title} answered with over {MAX_RESPONSE_BYTES:,} bytes")
        headers = [
            (name, value)
            for name, value in response.headers.multi_items()
            if name.lower() not in ("content-encoding", "content-length")
        ]
        return httpx.Response(
            response.status_code, headers=headers, content=bytes(content), request=response.request
        )

    def _url(self, path: str) -> str:
        """Absolute links of the forge are followed on its own host only, and in the settings' own
        way: they carry a token, and a forge behind a proxy may well name itself without TLS."""
        if not path.startswith("http"):
            return f"{self._api}/{path.lstrip('/')}"
        parts = urlsplit(path)
        if parts.netloc != self._host:
            raise CallFailed(f"{self.title} named a page on another host")
        return parts._replace(scheme=self._scheme).geturl()

    def _read(self, response: httpx.Response, authorization: str) -> tuple[Any, str | None]:
        headers = {name.lower(): value for name, value in response.headers.items()}
        try:
            data, _, next_path = sansio.decipher_response(
                response.status_code, headers, response.content
            )
        except gidgethub.HTTPException as error:
            raise self._named(error, response, authorization) from error
        except (KeyError, TypeError, AttributeError) as error:  # an error in other words
            words = gidgethub.HTTPException(HTTPStatus(response.status_code))
            raise self._named(words, response, authorization) from error
        except ValueError as error:
            raise Unreachable(f"{self.title} answered with something unreadable") from error
        return data, next_path

    def _named(
        self, error: gidgethub.HTTPException, response: httpx.Response, authorization: str
    ) -> CallFailed:
        status = response.status_code
        sentence = f"{response.request.method} {response.request.url.path}: {status} {error}"[:500]
        if status in (403, 429) and (seconds := _retry_after(error, response)) is not None:
            with self._lock:
                self._closed_until[authorization] = time.monotonic() + seconds
            return RateLimited(sentence, seconds)
        if status >= 500:
            return Unreachable(sentence)
        kinds: dict[int, type[CallFailed]] = dict.fromkeys(self.refusals, Rejected)
        kinds |= {401: Unauthorized, 403: Forbidden, 404: NotVisible, 410: NotVisible}
        return kinds.get(status, CallFailed)(sentence, str(error))

    def _check_closed(self, authorization: str) -> None:
        """Calling on while limited gets an App banned, so it is not even tried."""
        with self._lock:
            wait_seconds = self._closed_until.get(authorization, 0.0) - time.monotonic()
            if wait_seconds <= 0:
                self._closed_until.pop(authorization, None)
                return
        raise RateLimited(f"{self.title} asked to wait", wait_seconds)

    def _pace(self) -> None:
        with self._lock:
            clock_seconds = time.monotonic()
            wait = max(0.0, self._next_change - clock_seconds)
            self._next_change = clock_seconds + wait + self._interval
        if wait:
            self._sleep(wait)


def _retry_after(error: gidgethub.HTTPException, response: httpx.Response) -> float | None:
    """Seconds to wait; None when the answer is no rate limit.

    https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
    """
    if (header := response.headers.get("retry-after", "")).isdigit():
        return float(header)
    if response.headers.get("x-ratelimit-remaining") == "0":
        reset = response.headers.get("x-ratelimit-reset", "")
        return (
            max(1.0, float(reset) - time.time())
            if reset.isdigit()
            else SECONDARY_LIMIT_WAIT_SECONDS
        )
    if response.status_code == 429 or "secondary rate limit" in str(error).lower():
        return SECONDARY_LIMIT_WAIT_SECONDS
    return None
