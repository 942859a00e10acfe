"""Who asks, and what they may see and do."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass
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


class Gate:
    """Turns a request into its caller.

    A token in the `Authorization` header counts for everything, the cookie of a login for
    looking only. Without either, a service that listens on loopback shows itself to who sits at
    the machine, for looking only, and only until the first token is made: then there is more
    than one user to separate.
    """

    def __init__(
        self, tokens: TokenStore, *, listen_host: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._tokens = tokens
        self._on_loopback = is_loopback(listen_host)
        self._clock = clock

    def caller(self, request: Request, secret: str | None) -> Caller:
        """The caller of a request, by its token or cookie. Raises NotLoggedIn."""
        if secret is not None:
            token = self._tokens.find(secret)
            if token is None:
                raise NotLoggedIn("this token is unknown, revoked or expired")
            return _holder(token)
        is_read_only = request.method in ("GET", "HEAD")
        if is_read_only and (cookie := request.cookies.get(session.COOKIE_NAME)) is not None:
            token = self._tokens.live(session.token_id(cookie) or "")
            if token is not None and session.genuine(cookie, token, self._clock()):
                holder = _holder(token)
                return Caller(
                    name=holder.name,
                    owner=holder.owner,
                    scopes=holder.scopes & LOOKING_SCOPES,
                    sees_all=holder.sees_all,
                )
        if is_read_only and self._sits_here(request) and self._tokens.none_yet():
            return Caller(name="local", owner="", scopes=LOOKING_SCOPES, sees_all=True)
        raise NotLoggedIn("send a token: `Authorization: Bearer repair_…`")

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
