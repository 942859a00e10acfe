"""The network of one build: a proxy on this side, its ports inside, and what tools are told."""

from __future__ import annotations

import netrc
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, urlsplit

from sandbox.egress.dial import Dialer, Resolve, resolve
from sandbox.egress.private_index import PrivateIndex, private_index
from sandbox.egress.proxy import Proxy
from sandbox.egress.rules import host_of, make_rules
from sandbox.egress_report import EgressOutcome, EgressReport
from sandbox.environments.build_settings import BuildSettings
from sandbox.session.session import GuestSession
from sandbox.session.streams import Meter

PROXY_PORT = 3128
"""Of the proxy, on the loopback inside; indexes with credentials have those that follow."""
_PROXY = f"http://127.0.0.1:{PROXY_PORT}"
_NO_PROXY = "localhost,127.0.0.1,::1"
_PROXY_NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_VARIABLES = {
    **dict.fromkeys([*_PROXY_NAMES, *(name.lower() for name in _PROXY_NAMES)], _PROXY),
    "NO_PROXY": _NO_PROXY,
    "no_proxy": _NO_PROXY,
    "npm_config_proxy": _PROXY,
    "npm_config_https_proxy": _PROXY,
    "npm_config_noproxy": _NO_PROXY,
    "CARGO_HTTP_PROXY": _PROXY,
}


class BuildNetwork:
    """Everything that a build reaches of the outside goes through here."""

    def __init__(self, settings: BuildSettings, resolve: Resolve = resolve) -> None:
        """`settings` are those with the user's pip configuration in them."""
        self._meter = Meter()
        self._report = EgressReport()
        self._private: dict[str, PrivateIndex] = {}
        self._settings = settings
        addresses = settings.places()
        for address in addresses:
            self._keep_credentials(address)
        rules = make_rules(
            [address for address in addresses if _is_url(address)],
            settings.allow_hosts,
            public=settings.index_url is None,
        )
        dialer = Dialer(
            rules=rules,
            report=self._report,
            upstream=settings.upstream_proxy,
            no_proxy=settings.no_proxy,
            resolve=resolve,
        )
        indexes = {index.port: index for index in self._private.values()}
        self._proxy = Proxy(dialer=dialer, indexes=indexes, ca_bundle=settings.ca_bundle)

    def variables(self) -> dict[str, str]:
        """Environment variables for the commands of a build: indexes without credentials, and the
        proxy."""
        settings = self._settings
        guest_settings = replace(
            settings,
            index_url=settings.index_url and self._inside(settings.index_url),
            extra_index_urls=tuple(map(self._inside, settings.extra_index_urls)),
            find_links=tuple(map(self._inside, settings.find_links)),
        )
        return {**guest_settings.variables(), **_VARIABLES}

    def attach(self, session: GuestSession) -> None:
        """Open the way out of a build's session."""
        session.carry([PROXY_PORT, *self._proxy.indexes], self._proxy.serve, self._meter)

    def outside(self) -> EgressOutcome:
        """Return what became of the build's connections since the last call."""
        return self._report.take()

    def _inside(self, address: str) -> str:
        index = self._private.get(address)
        return address if index is None else index.inside

    def _keep_credentials(self, address: str) -> None:
        if not _is_url(address):
            return
        url = (
            address
            if "@" in urlsplit(address).netloc
            else _from_netrc(address, self._settings.netrc)
        )
        if url is not None and address not in self._private:
            port = PROXY_PORT + 1 + len(self._private)
            self._private[address] = private_index(url, port)


def _is_url(address: str) -> bool:
    """Anything else is a folder, or nothing that a tool can use."""
    try:
        host_of(address)
        return urlsplit(address).scheme in ("http", "https")
    except ValueError:
        return False


def _from_netrc(url: str, path: Path | None) -> str | None:
    """The URL with the user and password that a netrc file has for its host, as pip reads it."""
    parts = urlsplit(url)
    if path is None or not parts.hostname:
        return None
    try:
        credentials = netrc.netrc(str(path)).authenticators(parts.hostname)
    except (OSError, netrc.NetrcParseError):
        return None
    if credentials is None:
        return None
    user, password = quote(credentials[0] or "", safe=""), quote(credentials[2] or "", safe="")
    return parts._replace(netloc=f"{user}:{password}@{parts.netloc}").geturl()
