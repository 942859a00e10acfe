"""What a repository is called, whoever spells it."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

SCP = re.compile(r"(?:[\w.+-]+@)?(?P<host>\w[\w.-]*):(?!//|:)[^\s-]\S*")
"""`git@host:path`, git's short form of an ssh URL."""


def repository_name(target: str) -> str:
    """One name for all spellings of a repository; fairness and limits go by it."""
    if "://" in target:
        parts = urlsplit(target)
        where = f"{(parts.hostname or '').lower()}/{parts.path.strip('/')}"
    elif SCP.fullmatch(target):
        host, _, path = target.rpartition("@")[2].partition(":")
        where = f"{host.lower()}/{path.strip('/')}"
    else:
        return str(Path(target))
    return where.removesuffix(".git").rstrip("/")
