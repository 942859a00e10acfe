"""What a repository is called, whoever spells it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

SCP = re.compile(r"(?:[\w.+-]+@)?(?P<host>\w[\w.-]*):(?!//|:)[^\s-]\S*")
"""`git@host:path`, git's short form of an ssh URL."""


def repository_name(target: str) -> str:
    """One name for all spellings of a repository; its turn and its limits go by it.

    In lower case: most hosts do not tell `Repo` from `repo`, and two repositories that share a
    limit do less harm than one that has two.
    """
    if "://" in target:
        url_parts = urlsplit(target)
        host, path = url_parts.hostname or "", url_parts.path
    elif SCP.fullmatch(target):
        host, _, path = target.rpartition("@")[2].partition(":")
    else:
        return os.path.normpath(Path(target).absolute())
    segments: list[str] = []
    for part in unquote(path, errors="surrogateescape").lower().split("/"):
        if part == "..":
            segments = segments[:-1]
        elif part not in ("", "."):
            segments.append(part)
    name = "/".join([host.lower().rstrip("."), *segments])
    while name.endswith(".git"):
        name = name.removesuffix(".git").rstrip("/")
    return name
