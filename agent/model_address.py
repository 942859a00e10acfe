"""Addresses of model servers. A user and a password in one are for the connection alone: nothing
that is kept or shown holds them."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_UNSEEN = re.compile(r"[\s\x00-\x20\x7f]")

NO_ADDRESS = "give one that starts with http:// or https:// and names a server"
AMBIGUOUS = (
    "it cannot be told where a user or a password in it ends: write @ as %40, / as %2F, ? as %3F, "
    "# as %23, : as %3A and % as %25 in them, and @ as %40 elsewhere"
)
CREDENTIALS = (
    "it holds a user or a password, which jobs, plans and reports would keep: give the address "
    "without them here, and with them in REPAIR_MODEL_URL"
)


def checked_address(url: str) -> str:
    """The address without blanks around it. Raises ValueError, whose sentence does not hold it."""
    url = url.strip()
    try:
        parts = urlsplit(url)
        has_host = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1) > 0
    except ValueError:  # its text quotes the address
        raise ValueError(AMBIGUOUS if "@" in url else NO_ADDRESS) from None
    if "@" in url and (url.count("@") > 1 or "@" not in parts.netloc):
        raise ValueError(AMBIGUOUS)
    if not has_host or _UNSEEN.search(url):
        raise ValueError(NO_ADDRESS)
    return url


def kept_address(url: str) -> str:
    """A `checked_address` that jobs, plans and reports may keep. Raises ValueError."""
    url = checked_address(url)
    if credentials_in(url) is not None:
        raise ValueError(CREDENTIALS)
    return url


def without_credentials(url: str) -> str:
    """The address without all that may be a user or a password: up to the last `@`."""
    scheme, _, address = _parts(url)
    return scheme + address


def credentials_in(url: str) -> tuple[str, str] | None:
    """User and password; None where there are none."""
    _, credentials, _ = _parts(url)
    if credentials is None:
        return None
    user, _, password = credentials.partition(":")
    return unquote(user), unquote(password)


def _parts(url: str) -> tuple[str, str | None, str]:
    """Scheme, credentials and the rest."""
    url = url.strip()
    match = _SCHEME.match(url)
    scheme = match[0] if match else ""
    credentials, at, address = url[len(scheme) :].rpartition("@")
    return scheme, credentials if at else None, address


def address_to_ask(kept: str | None, configured: str | None) -> str | None:
    """The address that a job or a plan keeps, with the credentials that the settings have for
    it."""
    is_same = (
        kept and configured and without_credentials(configured).rstrip("/") == kept.rstrip("/")
    )
    return configured if is_same else kept
