"""The cookie of somebody who logged in to the page with a token.

It is not the token: it counts for the pages and their forms alone, never for the API, for a few
hours, and never for what `admin` alone may. It is an id, an end and an HMAC, keyed with the
stored hash of the token; so it needs no table of sessions, and revoking the token ends it.
"""

from __future__ import annotations

import hashlib
import hmac
import re

from workers.web.auth.tokens import Token

COOKIE_NAME = "repair_session"
COOKIE_LIFETIME_SECONDS = 12 * 3600
_FORM = re.compile(r"([0-9a-f]{8})\.(\d{1,12})\.([0-9a-f]{64})")


def issue(token: Token, epoch_seconds: float) -> str:
    """The cookie's value. `epoch_seconds` is in seconds since the epoch."""
    end = int(epoch_seconds) + COOKIE_LIFETIME_SECONDS
    return f"{token.id}.{end}.{_signature(token, end)}"


def token_id(value: str) -> str | None:
    """Whose cookie it claims to be; believe nothing before `genuine` says so."""
    match = _FORM.fullmatch(value)
    return match.group(1) if match else None


def genuine(value: str, token: Token, epoch_seconds: float) -> bool:
    """Whether this service issued the cookie for this token, and it has not ended."""
    match = _FORM.fullmatch(value)
    if match is None or match.group(1) != token.id or int(match.group(2)) <= epoch_seconds:
        return False
    return hmac.compare_digest(match.group(3), _signature(token, int(match.group(2))))


def _signature(token: Token, end: int) -> str:
    text = f"repair-session/1|{token.id}|{end}".encode()
    return hmac.new(bytes.fromhex(token.digest), text, hashlib.sha256).hexdigest()
