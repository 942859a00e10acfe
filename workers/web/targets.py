"""What a client of the API may point a repair at.

A worker can reach more than its clients should: files of its machine, addresses inside its
network, programs. So the API takes git URLs over https and ssh, and folders only below the
configured roots; a token with `admin` may name anything a user at the machine may.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from workers.errors import TargetRefused
from workers.repository import SCP

SCHEMES = frozenset({"https", "ssh", "git+ssh", "ssh+git"})
_NUMBER = re.compile(r"0x[0-9a-f]*|\d+", re.IGNORECASE)
_VERSION = re.compile(r"3\.\d{1,2}(\.\d{1,2})?")


def check_target(target: str, roots: Sequence[Path]) -> str:
    """Return the target as the worker is to get it. Raises TargetRefused."""
    if "://" in target:
        return _checked_url(target)
    scp = SCP.fullmatch(target)
    if scp is not None:
        _check_host(scp["host"])
        return target
    return _checked_folder(target, roots)


def check_python(python: str | None) -> None:
    """A version, not the path of a program on the server. Raises TargetRefused."""
    if python is not None and not _VERSION.fullmatch(python):
        raise TargetRefused("python must be a version such as 3.11")


def _checked_url(target: str) -> str:
    try:
        parts = urlsplit(target)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError as error:
        raise TargetRefused(f"this is no URL: {error}") from error
    if parts.scheme.lower() not in SCHEMES:
        raise TargetRefused("a URL must begin with https:// or ssh://")
    if parts.password is not None or (parts.username and parts.scheme.lower() == "https"):
        raise TargetRefused("leave credentials out of the URL; give the worker access instead")
    _check_host(host)
    return target


def _check_host(host: str) -> None:
    """Names are resolved by git, later; addresses written out are refused now."""
    if not host or host.lower().rstrip(".") == "localhost" or host.startswith("-"):
        raise TargetRefused("the URL names no other machine")
    try:
        address = ipaddress.ip_address(host)
    except ValueError as error:
        if _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):  # inet_aton reads 0x7f.1, too
            raise TargetRefused("write an address in its usual form") from error
        return
    if not (getattr(address, "ipv4_mapped", None) or address).is_global:
        raise TargetRefused("an address inside the server's network may not be named")


def _checked_folder(target: str, roots: Sequence[Path]) -> str:
    """Links are followed before the comparison, so that none leads out of a root."""
    if not roots:
        raise TargetRefused("folders of the server may not be named; give a git URL")
    try:
        folder = Path(target).resolve()
        allowed = any(folder.is_relative_to(root.resolve()) for root in roots)
    except (OSError, RuntimeError, ValueError) as error:
        raise TargetRefused("this folder cannot be used") from error
    if not Path(target).is_absolute() or not allowed:
        raise TargetRefused("this folder is not below one that the service may read")
    return str(folder)


def root_of(target: str, roots: Sequence[Path]) -> Path | None:
    """The root, without links, that an admitted folder lies below; None for a URL."""
    if not target.startswith("/"):
        return None
    return next(
        (real for root in roots if Path(target).is_relative_to(real := root.resolve())), None
    )
