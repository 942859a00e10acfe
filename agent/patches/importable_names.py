"""Modules that the project's environment can import from outside the project, listed by it."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any

from sandbox.base import Session
from sandbox.host.untrusted_json import Malformed, is_texts, last_line, read_json

_IMPORT_QUERY_SECONDS = 60.0
# Runs with `-I`: neither the workspace nor `PYTHONPATH` is looked at.
_SCRIPT = r"""
import importlib.machinery, json, os, sys
workspace = sys.argv[1].rstrip("/") + "/"
suffixes = sorted(importlib.machinery.all_suffixes(), key=len, reverse=True)
modules = set(sys.builtin_module_names) | set(getattr(sys, "stdlib_module_names", ()))
open_names = set()
def scan(folder, prefix, depth):
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        name = entry.name
        if name == "__pycache__" or name.startswith("."):
            continue
        if entry.is_dir():
            if not name.isidentifier():
                continue
            inside = os.listdir(entry.path)
            if any(one.startswith("__init__.") for one in inside):
                modules.add(prefix + name)
            elif depth and any(not one.startswith(".") for one in inside):
                open_names.add(prefix + name)
                scan(entry.path, prefix + name + ".", depth - 1)
        else:
            for suffix in suffixes:
                if name.endswith(suffix):
                    modules.add(prefix + name[:-len(suffix)])
                    break
for folder in sys.path:
    place = os.path.realpath(folder) + "/"
    if folder and not place.startswith(workspace):
        scan(folder, "", 2)
print(json.dumps({"modules": sorted(modules), "open": sorted(open_names)}))
"""


@dataclass(frozen=True, kw_only=True)
class Importable:
    """Names of modules that exist outside the project. The default knows the standard library of
    this interpreter alone."""

    modules: frozenset[str] = field(default=sys.stdlib_module_names)
    """Modules and packages, with those inside of namespace packages by their dotted names."""
    namespaces: frozenset[str] = frozenset()
    """Folders that several distributions share: a new one of this name hides nothing itself."""


def ask(session: Session, python: str) -> Importable:
    """Ask the environment of a session in which nothing has run yet; once for each validation
    context."""
    result = session.run(
        [python, "-I", "-B", "-c", _SCRIPT, session.workspace],
        timeout_seconds=_IMPORT_QUERY_SECONDS,
    )
    try:
        answer = read_json(last_line(result.stdout), _is_answer)
    except Malformed:
        return Importable()  # a start-up file of the environment prints or fails
    modules = frozenset(answer["modules"]) | sys.stdlib_module_names
    return Importable(modules=modules, namespaces=frozenset(answer["open"]))


def _is_answer(value: Any) -> bool:
    is_object = isinstance(value, dict)
    return is_object and all(is_texts(value.get(name)) for name in ("modules", "open"))
