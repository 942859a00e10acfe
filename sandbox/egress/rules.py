"""Which hosts a build may reach, and why."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from sandbox.host.addresses import LOOPBACK, OWN_ADDRESS, PRIVATE, Address, kind_of, plain

PYTHON_HOSTS = ("pypi.org", "files.pythonhosted.org")
OTHER_HOSTS = (
    "registry.npmjs.org",
    "registry.yarnpkg.com",
    "index.crates.io",
    "static.crates.io",
    "crates.io",
    "proxy.golang.org",
    "sum.golang.org",
)
HTTP, HTTPS = 80, 443
_OF_INDEXES = (PRIVATE, LOOPBACK, OWN_ADDRESS)
"""Where a name of the user's own index may lead; to others only its address may, spelled out."""
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One host and the ports of it that may be reached."""

    host: str
    ports: frozenset[int]
    index: bool = False
    """It serves packages; its failure is told as such."""
    configured: bool = False
    """The user's configuration names an index there, wherever that is."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Everything that a build may reach; what no rule names is refused."""

    rules: Mapping[str, Rule]
    addresses: frozenset[Address] = field(default=frozenset())
    """Private addresses that the user allows by name of the address."""

    def find(self, host: str, port: int) -> Rule | None:
        rule = self.rules.get(host)
        return rule if rule is not None and port in rule.ports else None

    def objection(self, rule: Rule, address: Address) -> str | None:
        """Why a host may not be reached at an address that its name leads to, or None."""
        kind, address = kind_of(address), plain(address)
        if kind == PRIVATE and address in self.addresses:
            return None
        if rule.configured and (kind in _OF_INDEXES or rule.host == str(address)):
            return None
        return kind


def make_rules(indexes: Sequence[str], allowed_hosts: Sequence[str], *, public: bool) -> Rules:
    """Rules for the user's indexes (URLs) and allowed hosts; `public` adds PyPI's own hosts.

    Raises ValueError for an allowed host that is none.
    """
    rules: dict[str, Rule] = {}
    for host in (*(PYTHON_HOSTS if public else ()), *OTHER_HOSTS):
        _add(rules, Rule(host=host, ports=frozenset((HTTPS,)), index=True))
    addresses: list[Address] = []
    for text in allowed_hosts:
        host, port = split_host(text)
        ports = frozenset((port,)) if port else frozenset((HTTP, HTTPS))
        _add(rules, Rule(host=host, ports=ports))
        addresses += _literal(host)
    for url in indexes:
        host, port = host_of(url)
        _add(rules, Rule(host=host, ports=frozenset((port,)), index=True, configured=True))
    return Rules(rules=rules, addresses=frozenset(addresses))


def _add(rules: dict[str, Rule], rule: Rule) -> None:
    earlier_rule = rules.get(rule.host)
    if earlier_rule is not None:
        rule = Rule(
            host=rule.host,
            ports=rule.ports | earlier_rule.ports,
            index=rule.index or earlier_rule.index,
            configured=rule.configured or earlier_rule.configured,
        )
    rules[rule.host] = rule


def host_of(url: str) -> tuple[str, int]:
    """Host and port of an http or https URL. Raises ValueError."""
    parts = urlsplit(url)
    port = parts.port or (HTTPS if parts.scheme == "https" else HTTP)
    return canonical(parts.hostname or ""), port


def split_host(text: str) -> tuple[str, int | None]:
    """`host`, `host:port`, `address` or `[address]:port`. Raises ValueError."""
    bare = text.strip()
    if bare.count(":") > 1 and not bare.startswith("["):
        bare = f"[{bare}]"
    try:
        parts = urlsplit(f"//{bare}")
        host, port = canonical(parts.hostname or ""), parts.port
    except ValueError:
        host, port = "", None
    if not host or "@" in bare or parts.path or parts.query or parts.fragment:
        raise ValueError(f"{text!r} is no host: give a name such as example.org, or name:port")
    return host, port


def canonical(host: str) -> str:
    """The one spelling of a host: lower case, no final dot, ASCII. Raises ValueError."""
    try:
        return str(plain(ipaddress.ip_address(host.strip("[]").partition("%")[0])))
    except ValueError:
        pass
    if not host.isascii():
        host = host.encode("idna").decode("ascii")
    host = host.lower()
    if len(host) > 253 or not _NAME.fullmatch(host):
        raise ValueError("no host name")
    return host.removesuffix(".")


def _literal(host: str) -> Iterable[Address]:
    try:
        yield ipaddress.ip_address(host)
    except ValueError:
        return
