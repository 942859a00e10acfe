"""Connections to hosts that a build may reach: resolved once, checked, and made to that address."""

from __future__ import annotations

import base64
import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from sandbox.egress.rules import HTTP, HTTPS, Rule, Rules, canonical
from sandbox.egress_report import EgressReport

CONNECT_TIMEOUT_SECONDS = 20.0
IDLE_TIMEOUT_SECONDS = 120.0
MAX_ANSWER_BYTES = 16 * 1024
Resolve = Callable[[str, int], Sequence[str]]


class Refused(Exception):
    """The build may not go there; the message says why and how to allow it."""


class Unreachable(Exception):
    """The host is allowed and does not answer; the message says what happened."""


def resolve(host: str, port: int) -> Sequence[str]:
    """Addresses of a host, in the order in which they are to be tried."""
    entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in entries))


@dataclass(frozen=True, kw_only=True)
class Dialer:
    """Connects where the rules allow it."""

    rules: Rules
    report: EgressReport
    upstream: str | None = None
    """The user's own proxy, `http://[user:password@]host:port`."""
    no_proxy: str = ""
    resolve: Resolve = resolve

    def connect(self, host: str, port: int) -> socket.socket:
        """Connect to a host that the rules allow. Raises Refused, Unreachable."""
        try:
            rule = self._rule(host, port)
        except Refused as error:
            self.report.refused(str(error))
            raise
        try:
            connection = self._connect(rule, port)
        except Refused as error:
            self.report.refused(str(error))
            raise
        except (OSError, ValueError) as error:
            sentence = f"{rule.host} cannot be reached: {_words(error)}"
            if rule.index:
                self.report.unreachable(sentence)
            raise Unreachable(sentence) from error
        if rule.index:
            self.report.reached()
        return connection

    def _rule(self, host: str, port: int) -> Rule:
        try:
            name = canonical(host)
        except ValueError:
            raise Refused("what was asked for is no host name") from None
        rule = self.rules.find(name, port)
        if rule is not None:
            return rule
        destination = f"[{name}]" if ":" in name else name
        if name in self.rules.rules or port not in (HTTP, HTTPS):
            destination = f"{destination}:{port}"
        raise Refused(f"{destination} was refused: allow it with --allow-host {destination}")

    def _connect(self, rule: Rule, port: int) -> socket.socket:
        if self.upstream and not self._direct(rule.host):
            self._check_behind_proxy(rule, port)
            return _through(urlsplit(self.upstream), rule.host, port)
        last_error: OSError | None = None
        for address in self._checked(rule, port):
            try:
                return _plain(address, port)
            except OSError as error:
                last_error = error
        raise last_error or OSError("it has no address")

    def _direct(self, host: str) -> bool:
        names = [entry.strip().lower() for entry in self.no_proxy.split(",")]
        ends = [name.removeprefix("*").lstrip(".") for name in names if name not in ("", "*")]
        return "*" in names or any(host == end or host.endswith(f".{end}") for end in ends)

    def _check_behind_proxy(self, rule: Rule, port: int) -> None:
        """The proxy resolves the name for itself; where we can, too, the answer must be fit."""
        try:
            self._checked(rule, port)
        except OSError:
            return

    def _checked(self, rule: Rule, port: int) -> list[str]:
        """The addresses that may be used; the name is not looked up again after this."""
        addresses, objection = [], ""
        for text in self.resolve(rule.host, port):
            network = self.rules.objection(rule, ipaddress.ip_address(text))
            if network is None:
                addresses.append(text)
            else:
                objection = f"{rule.host} was refused: its name leads to {network} ({text})"
        if objection and not addresses:
            raise Refused(objection)
        return addresses


def _plain(address: str, port: int) -> socket.socket:
    connection = socket.create_connection((address, port), CONNECT_TIMEOUT_SECONDS)
    connection.settimeout(IDLE_TIMEOUT_SECONDS)
    return connection


def _through(proxy: SplitResult, host: str, port: int) -> socket.socket:
    """Have the user's own proxy make a tunnel."""
    if proxy.scheme != "http" or not proxy.hostname:
        raise OSError(f"this machine's proxy is of kind {proxy.scheme!r}; only http is supported")
    connection = _plain(proxy.hostname, proxy.port or 80)
    try:
        authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        head = f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n"
        if proxy.username is not None:
            head += f"Proxy-Authorization: {basic(proxy)}\r\n"
        connection.sendall(f"{head}\r\n".encode("latin-1"))
        _check_answer(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_answer(connection: socket.socket) -> None:
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        piece = connection.recv(1)  # what follows the head belongs to the tunnel
        if not piece or len(answer) > MAX_ANSWER_BYTES:
            raise OSError("the proxy of this machine does not answer as one")
        answer += piece
    status = answer.split(b"\r\n")[0].decode("latin-1").split(" ", 2)
    if len(status) < 2 or status[1] != "200":
        raise OSError(f"the proxy of this machine says {' '.join(status[1:])[:200]!r}")


def basic(parts: SplitResult) -> str:
    """The header that carries the user and the password of a URL."""
    pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return "Basic " + base64.b64encode(pair.encode()).decode("ascii")


def _words(error: Any) -> str:
    text = str(error.strerror if isinstance(error, OSError) and error.strerror else error)
    return " ".join(text.split())[:200] or type(error).__name__
