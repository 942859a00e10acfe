"""The requirements files of a project, and what each is for."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from sandbox.languages.python.detection.config_files import ConfigFiles
from sandbox.languages.python.detection.packaging.roles import for_tests

MAIN = frozenset(("", "base", "main", "common", "install", "core", "prod", "run", "requirements"))
"""Roles of files that list what the project itself needs."""
_REQUIREMENTS = re.compile(r"(?:.*[-_.])?requirements?(?:[-_.].*)?\.(?:txt|in|pip)", re.IGNORECASE)


def requirement_files(files: ConfigFiles) -> dict[str, str]:
    """Return requirements file → its role, `""` for the project's own."""
    roles: dict[str, str] = {}
    shallow = [path for path in files.snapshot.entries if path.count("/") < 2]
    for path in shallow:
        pure = PurePosixPath(path)
        role = _role(pure)
        if role is not None and files.exists(path) and pure.suffix != ".in":
            roles[path] = role
    sources = (p for p in shallow if p.endswith(".in") and files.exists(p))
    for path in sources:
        role = _role(PurePosixPath(path))
        if role is not None and path.removesuffix(".in") + ".txt" not in roles:
            roles[path] = role
    return roles


def _role(path: PurePosixPath) -> str | None:
    if _REQUIREMENTS.fullmatch(path.name):
        stem = re.sub(r"requirements?", "", path.stem.lower()).strip("-_.")
        folder = path.parent.name
        if folder and not for_tests(folder) and folder != "requirements":
            return None
        return "tests" if folder and for_tests(folder) else stem
    if path.parent.name == "requirements" and path.suffix in (".txt", ".in", ".pip"):
        return path.stem.lower()
    return None
