"""What the install stage may use from the user's machine. Nothing else of the host goes in."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sandbox.base import MEBIBYTE
from sandbox.host import programs

_BYTES_PER_FILE = 16_384
_RESERVE_BYTES = 512 * MEBIBYTE
"""Of the disk that no build may take, whoever took the rest."""

_CA_VARIABLES = (
    "PIP_CERT",
    "SSL_CERT_FILE",  # OpenSSL, uv, Go
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "NODE_EXTRA_CA_CERTS",
    "CARGO_HTTP_CAINFO",
)


@dataclass(frozen=True, kw_only=True)
class BuildSettings:
    """Mirrors and certificates of the install stage, and where environments are kept."""

    cache_dir: Path
    """Environments lie in its `environments` folder; safe to delete."""
    index_url: str | None = None
    """Package mirror instead of PyPI; a URL or a folder."""
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    ca_bundle: Path | None = None
    """PEM file with a company's CA."""
    docker_image: str | None = None
    """Base image; None picks one that is here, or `python:X.Y-slim`."""
    docker_runtime: str | None = None
    """`runsc` for gVisor; None for the engine's default."""
    allow_hosts: tuple[str, ...] = ()
    """Hosts beside the package indexes that a build may reach: `name`, `name:port` or address."""
    upstream_proxy: str | None = None
    """This machine's own way out, `http://[user:password@]host:port`; None goes directly."""
    no_proxy: str = ""
    """Hosts that are reached without it, as in the variable of that name."""
    netrc: Path | None = None
    """Where users and passwords for indexes may stand; read on this side only."""
    environment_bytes: int = 8192 * MEBIBYTE
    """What one environment may take of the host's disk; see `quota` for the files."""
    use_pip_configuration: bool = True
    """Add what `python -m pip config list` says on this machine to the fields above."""

    def variables(self) -> dict[str, str]:
        """Return what tools of the install stage are told (and no other variable of the host)."""
        pairs = {
            "PIP_INDEX_URL": self.index_url,
            "PIP_EXTRA_INDEX_URL": " ".join(self.extra_index_urls),
            "PIP_FIND_LINKS": " ".join(self.find_links),
            "UV_DEFAULT_INDEX": self.index_url,
            "UV_INDEX": " ".join(self.extra_index_urls),
            "UV_FIND_LINKS": ",".join(self.find_links),
            # As pip does: every index counts the same.
            "UV_INDEX_STRATEGY": "unsafe-best-match" if self.extra_index_urls else None,
            **dict.fromkeys(_CA_VARIABLES, str(self.ca_bundle) if self.ca_bundle else None),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_INPUT": "1",
        }
        return {name: value for name, value in pairs.items() if value}

    def quota(self, prefix: str) -> dict[str, object]:
        """Return what the guest of an install stage is told to hold, see
        `sandbox.session.guest.quota`."""
        return {
            "prefix": prefix,
            "bytes": self.environment_bytes,
            "files": self.environment_bytes // _BYTES_PER_FILE,
            "reserve": _RESERVE_BYTES,
        }

    def package_sources(self) -> tuple[str, ...]:
        """Return where packages come from, for the keys of environments: without user and
        password, which an environment does not depend on."""
        return _package_sources(self)

    def places(self) -> tuple[str, ...]:
        """Return every index and page of links: URLs, folders, files."""
        places = (self.index_url, *self.extra_index_urls, *self.find_links)
        return tuple(address for address in places if address)

    def folders(self) -> tuple[Path, ...]:
        """Return the local files and folders that must be readable inside, at the same path."""
        paths = [path for address in self.places() if (path := _local(address))]
        if self.ca_bundle:
            paths.append(self.ca_bundle)
        return tuple(dict.fromkeys(_index_root(path) for path in paths if path.exists()))

    def with_pip_configuration(self) -> BuildSettings:
        """Return these settings with those of the user's own pip added behind them."""
        if not self.use_pip_configuration:
            return self
        options = _pip_configuration()
        cert, proxy = options.get("cert", []), options.get("proxy", [])
        return replace(
            self,
            index_url=self.index_url or next(iter(options.get("index-url", [])), None),
            extra_index_urls=_merge(self.extra_index_urls, options.get("extra-index-url", [])),
            find_links=_merge(self.find_links, options.get("find-links", [])),
            ca_bundle=self.ca_bundle or (Path(cert[0]) if cert else None),
            upstream_proxy=self.upstream_proxy or next(iter(proxy), None),
            netrc=self.netrc or _netrc(),
            use_pip_configuration=False,
        )


@functools.cache
def _package_sources(settings: BuildSettings) -> tuple[str, ...]:
    merged_settings = (
        settings.with_pip_configuration()
    )  # starts a pip: not for every look into the store
    return (
        _public(str(merged_settings.index_url)),
        *map(_public, merged_settings.extra_index_urls),
        "-f",
        *map(_public, merged_settings.find_links),
    )


def _public(address: str) -> str:
    head, separator, location = address.partition("://")
    authority, slash, path = location.partition("/")
    return f"{head}{separator}{authority.rpartition('@')[2]}{slash}{path}"


def _merge(preferred: Sequence[str], additional: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*preferred, *additional]))


def _local(address: str) -> Path | None:
    if address.startswith("file:"):
        return Path(unquote(urlsplit(address).path))
    return Path(address) if address.startswith("/") else None


def _index_root(path: Path) -> Path:
    # The pages of `…/simple` link to files beside it.
    return path.parent if path.name == "simple" and path.parent != Path("/") else path


def _netrc() -> Path | None:
    """The file in which pip looks for users and passwords."""
    path = Path(os.environ.get("NETRC") or "~/.netrc").expanduser()
    return path if path.is_file() else None


def _pip_configuration() -> dict[str, list[str]]:
    """Return option → values of the user's pip, variables of the environment before files."""
    command = programs.python("-m", "pip", "config", "list")
    try:
        result = programs.run(command, timeout_seconds=60)
    except (OSError, programs.TookTooLong):
        return {}
    options: dict[str, list[str]] = {}
    lines = result.stdout.decode(errors="replace").splitlines()
    for line in sorted(lines, key=lambda line: not line.startswith(":env:")):
        name, equals, value = line.partition("=")
        section, _, option = name.rpartition(".")
        if equals and section in (":env:", "global", "install"):
            values = value.strip().strip("'\"").replace("\\n", " ").split()
            options.setdefault(option, []).extend(
                v for v in values if v not in options.get(option, [])
            )
    return options
