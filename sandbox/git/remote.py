"""Where a repository lies that others may name: parsed once, and what was parsed is passed on.

git, curl and ssh each read an address in their own way (`127.0.0.%31`, `0x7f.1`, `a@b@c`). So
only one form is taken, everything else is refused, and the address is built anew from its parts.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from enum import StrEnum

from sandbox.host.addresses import Address, kind_of, plain

HTTPS_PORT, SSH_PORT = 443, 22
MAX_ADDRESSES = 8
_PATH = r"[A-Za-z0-9._~!$&'()*+,;=:@%/-]+"
_USER = r"(?:(?P<user>[A-Za-z0-9_][\w.+-]{0,63})@)?"
_HOST = r"(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)\.?"
_URL = re.compile(
    rf"(?P<scheme>https|ssh|git\+ssh|ssh\+git)://{_USER}(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|{_HOST})"
    rf"(?::(?P<port>\d{{1,5}}))?(?P<path>/{_PATH})",
    re.ASCII | re.IGNORECASE,
)
_SHORT = re.compile(rf"{_USER}{_HOST}:(?P<path>(?!/|:)[A-Za-z0-9._~]{_PATH})", re.ASCII)
"""`git@host:path`, git's short form of an ssh URL."""
_NUMBER = re.compile(r"0x[0-9a-f]*|\d+", re.IGNORECASE)
_CONTROL = re.compile(r"%(?:[01][0-9a-f]|7f)", re.IGNORECASE)
_PRIVATE_SUFFIXES = ("localhost", "local", "internal", "localdomain", "home.arpa")


class Reach(StrEnum):
    """Where the fetch of a job may lead; whoever took the job on decides."""

    ANYWHERE = "anywhere"  # named by somebody who may use this machine's network
    NAMED = "named"  # only that host, which the operator allows
    PUBLIC = "public"  # only that host, and only at addresses of the internet


class BadAddress(ValueError):
    """The address is in no form that can be judged, or leads where it may not."""


class Unresolved(BadAddress):
    """The host name of a repository's URL cannot be resolved."""


@dataclass(frozen=True, kw_only=True)
class Remote:
    """The address of a git repository on another machine, in its parts."""

    scheme: str
    """`https` or `ssh`."""
    host: str
    """In lower case, without brackets; a name or a literal address."""
    port: int
    path: str
    """Begins with `/`, except in the short form."""
    user: str | None = None
    short: bool = False

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        if self.short:
            return f"{user}{host}:{self.path}"
        usual = HTTPS_PORT if self.scheme == "https" else SSH_PORT
        port = "" if self.port == usual else f":{self.port}"
        return f"{self.scheme}://{user}{host}{port}{self.path}"


def parse(text: str, *, allow_private: bool = False) -> Remote:
    """Read an address that somebody else gave. Raises BadAddress with a sentence.

    With `allow_private` its host may be any, for a caller that knows those of the network.
    """
    match = _URL.fullmatch(text) or _SHORT.fullmatch(text)
    if match is None:
        raise BadAddress(_why_not(text))
    parts = match.groupdict()
    scheme = "https" if (parts.get("scheme") or "ssh").lower() == "https" else "ssh"
    port = int(parts.get("port") or (HTTPS_PORT if scheme == "https" else SSH_PORT))
    if scheme == "https" and parts["user"]:
        raise BadAddress("leave credentials out of the URL; give the worker access instead")
    if not 0 < port < 65536 or _CONTROL.search(parts["path"]):
        raise BadAddress("the URL has a port or a path that no repository has")
    host = _host(parts["host"], parts.get("six"), allow_private)
    return Remote(
        scheme=scheme,
        host=host,
        port=port,
        path=parts["path"],
        user=parts["user"],
        short="scheme" not in parts,
    )


def addresses_of(remote: Remote) -> list[str]:
    """What its name stands for now, each on the internet. Raises BadAddress, or Unresolved.

    One answer inside the network is enough to refuse: which one git would take is chance.
    """
    try:
        entries = socket.getaddrinfo(remote.host, remote.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unresolved(f"the name {remote.host} cannot be resolved: {error}") from error
    numbers = list(dict.fromkeys(str(entry[4][0]) for entry in entries))
    if not numbers or not all(is_public(ipaddress.ip_address(number)) for number in numbers):
        raise BadAddress(
            f"{remote.host} is a machine inside the server's network; REPAIR_API_HOSTS names those "
            "that may be fetched from"
        )
    return numbers[:MAX_ADDRESSES]


def is_public(address: Address) -> bool:
    """Whether it lies on the internet, and on no other machine of this network or this one."""
    return kind_of(address) is None and plain(address).is_global


def _host(name: str | None, six: str | None, allow_private: bool) -> str:
    """Names are resolved when they are used; addresses written out are judged now."""
    host = (six or name or "").lower()
    if six is not None or _NUMBER.fullmatch(host.rpartition(".")[2]):
        return _literal(host, allow_private)  # inet_aton reads `0x7f.1`, too: that is refused here
    labels = host.split(".")
    if not all(0 < len(label) < 64 and not label.endswith("-") for label in labels):
        raise BadAddress("the URL names no machine")
    if not allow_private and any(f".{host}".endswith(f".{suffix}") for suffix in _PRIVATE_SUFFIXES):
        raise BadAddress("the URL names no other machine")
    return host


def _literal(text: str, allow_private: bool) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise BadAddress("write an address in its usual form") from error
    if not (allow_private or is_public(address)):
        raise BadAddress("an address inside the server's network may not be named")
    return str(address)


def _why_not(text: str) -> str:
    url = text.lower()
    if "://" in text and not url.startswith(("https://", "ssh://", "git+ssh://", "ssh+git://")):
        return "a URL must begin with https:// or ssh://"
    if "@" in text and ":" in text.partition("://")[2].partition("@")[0]:
        return "leave credentials out of the URL; give the worker access instead"
    return "this is no URL of a repository in its usual form, such as https://HOST/OWNER/NAME"
