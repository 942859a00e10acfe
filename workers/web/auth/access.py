"""Who asks, and what they may see and do."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from workers.errors import JobNotFound, NotAllowed, NotLoggedIn
from workers.records import Job
from workers.web.auth import session
from workers.web.auth.scopes import Scope, effective
from workers.web.auth.tokens import Token, TokenStore

FORWARDING_HEADERS = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
"""Headers that a proxy adds: then whoever asks is somewhere else."""
LOOKING_SCOPES = frozenset({Scope.READ})
PAGE_SCOPES = frozenset({Scope.READ, Scope.SUBMIT, Scope.CANCEL})
"""What a login may do on the pages, as far as its token may: never what `admin` alone may."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The owner of a request, with the scopes of the token it came with."""

    name: str
    """For logs and for `cancelled by`."""
    owner: str
    scopes: frozenset[Scope]
    sees_all: bool = False

    def check(self, scope: Scope) -> None:
        """Raises NotAllowed where the caller lacks the scope."""
        if scope not in self.scopes:
            raise NotAllowed(f"this needs the scope `{scope}`")

    def check_sees(self, job: Job) -> None:
        """Raises JobNotFound for a job that the caller may not see: whether somebody else's job
        exists is nobody's business."""
        if not self.sees_all and job.request.owner != self.owner:
            raise JobNotFound(f"there is no job {job.id!r}")


LOCAL_VISITOR = Caller(name="local", owner="", scopes=LOOKING_SCOPES, sees_all=True)


class Gate:
    """Turns a request into its caller.

    A token in the `Authorization` header counts for everything, the cookie of a login for
    looking, and for the forms of the pages. Without either, a service that listens on loopback
    shows itself to who sits at the machine, for looking only, and only until the first token is
    made: then there is more than one user to separate.
    """

    def __init__(
        self,
        tokens: TokenStore,
        *,
        listen_host: str,
        is_published: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`is_published`: people reach the service by another address, so through a proxy, which
        need not say in its requests that it is one."""
        self._tokens = tokens
        self._on_loopback = is_loopback(listen_host) and not is_published
        self._clock = clock

    def caller(self, request: Request, secret: str | None) -> Caller:
        """The caller of a request, by its token or cookie. Raises NotLoggedIn."""
        if secret is not None:
            token = self._tokens.find(secret)
            if token is None:
                raise NotLoggedIn("this token is unknown, revoked or expired")
            return _holder(token)
        if request.method in ("GET", "HEAD"):
            if (visitor := self._logged_in(request)) is not None:
                return replace(visitor, scopes=visitor.scopes & LOOKING_SCOPES)
            if self._sits_here(request) and self._tokens.none_yet():
                return LOCAL_VISITOR
        raise NotLoggedIn("send a token: `Authorization: Bearer repair_…`")

    def visitor(self, request: Request) -> Caller | None:
        """Who looks at a page, with what its forms may do; None for somebody who has to log in."""
        visitor = self._logged_in(request)
        if visitor is None and self._sits_here(request) and self._tokens.none_yet():
            return LOCAL_VISITOR
        return visitor

    def sender(self, request: Request) -> Caller:
        """Who sent a form of a page. Raises NotLoggedIn.

        A browser says where a form comes from, and `SameOrigin` refused those from elsewhere: one
        of which nothing says that is refused here.
        """
        says_origin = any(name in request.headers for name in ("origin", "sec-fetch-site"))
        visitor = self._logged_in(request) if says_origin else None
        if visitor is None:
            raise NotLoggedIn("log in at `/login`; programs send a token to `/api/v1/jobs`")
        return visitor

    def _logged_in(self, request: Request) -> Caller | None:
        cookie = request.cookies.get(session.COOKIE_NAME)
        if cookie is None:
            return None
        token = self._tokens.live(session.token_id(cookie) or "")
        if token is None or not session.genuine(cookie, token, self._clock()):
            return None
        holder = _holder(token)
        return replace(holder, scopes=holder.scopes & PAGE_SCOPES)

    def _sits_here(self, request: Request) -> bool:
        """Whether a request comes from this machine: not through a proxy, and not from a page of
        another site whose name was pointed at 127.0.0.1."""
        peer = request.client.host if request.client else ""
        is_forwarded = any(name in request.headers for name in FORWARDING_HEADERS)
        host = request.url.hostname or ""
        return self._on_loopback and is_loopback(peer) and is_loopback(host) and not is_forwarded


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _holder(token: Token) -> Caller:
    scopes = effective(token.scopes)
    return Caller(name=token.name, owner=token.owner, scopes=scopes, sees_all=Scope.ADMIN in scopes)


Bearer = Annotated[
    HTTPAuthorizationCredentials | None,
    Depends(HTTPBearer(auto_error=False, description="`repair tokens create` makes one.")),
]


def needs(scope: Scope) -> Callable[[Request, Bearer], Caller]:
    """A dependency: the caller, who holds this scope."""

    def caller(request: Request, bearer: Bearer) -> Caller:
        gate: Gate = request.app.state.service.gate
        owner = gate.caller(request, bearer.credentials if bearer else None)
        owner.check(scope)
        return owner

    return caller


Reader = Annotated[Caller, Depends(needs(Scope.READ))]
Submitter = Annotated[Caller, Depends(needs(Scope.SUBMIT))]
Canceller = Annotated[Caller, Depends(needs(Scope.CANCEL))]
