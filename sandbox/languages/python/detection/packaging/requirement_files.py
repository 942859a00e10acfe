"""The requirements files of a project, and what each is for."""

from __future__ import annotations

import posixpath
import re
from pathlib import PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement

from sandbox.languages.python.detection.config_files import ConfigFiles
from sandbox.languages.python.detection.packaging.roles import for_tests

MAIN = frozenset(("", "base", "main", "common", "install", "core", "prod", "run", "requirements"))
"""Roles of files that list what the project itself needs."""
_REQUIREMENTS = re.compile(r"(?:.*[-_.])?requirements?(?:[-_.].*)?\.(?:txt|in|pip)", re.IGNORECASE)

_ITSELF = re.compile(r"(?:-e\s*)?\.(\[[\w,\s.-]+\])?")


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


def file_lines(path: str, text: str) -> list[str] | None:
    """The requirements that a file lists, and `-r` with the other files that it reads, relative
    to the top; of the project itself only with extras (`-e .[full]`). None where a line says
    something else, which would be lost without the file."""
    lines = []
    for line in text.splitlines():
        requirement = re.sub(r"(^|\s)#.*", "", line).strip()
        if other_file := re.fullmatch(r"(?:-r|--requirement)[\s=]*(\S+)", requirement):
            place = PurePosixPath(path).parent / other_file[1]
            lines.append(f"-r {posixpath.normpath(place)}")
        elif itself := _ITSELF.fullmatch(requirement):
            lines += [requirement] if itself[1] else []
        elif requirement and not _is_requirement(requirement):
            return None
        elif requirement:
            lines.append(requirement)
    return lines


def _is_requirement(text: str) -> bool:
    try:
        Requirement(text)
    except (InvalidRequirement, RecursionError):
        return False
    return True


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
