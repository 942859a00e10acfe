"""Tamper check: test files and test configuration in a sandbox are the base's, by SHA-256."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Protocol

from agent.patches.path_rules import CONFIGURATION, LOADED_BY_ITSELF, RUNNER_MODULES, PathRules
from sandbox.base import Session
from sandbox.host.untrusted_json import Malformed, is_texts, read_json

# Runs with `-I -S`, so that nothing in the workspace or the environment is imported.
_SCRIPT = r"""
import hashlib, json, os, sys
request = json.load(sys.stdin)
root, hashes, appeared = request["root"], {}, []
for path in request["paths"]:
    name = os.path.join(root, path)
    try:
        if os.path.islink(name):
            hashes[path] = "link " + os.readlink(name)
        else:
            with open(name, "rb") as stream:
                hashes[path] = hashlib.sha256(stream.read()).hexdigest()
    except OSError:
        hashes[path] = "absent"
watched = set(request["watched"])
for folder, folders, files in os.walk(root):
    folders[:] = [name for name in folders if name not in (".git", "__pycache__")]
    for name in files:
        if name in watched or name.endswith(".pth"):
            appeared.append(os.path.relpath(os.path.join(folder, name), root))
print(json.dumps({"hashes": hashes, "appeared": appeared}))
"""


class Entry(Protocol):
    """A file of the base."""

    @property
    def kind(self) -> str: ...

    @property
    def sha256(self) -> str: ...


class Base(Protocol):
    """The pristine base (`sandbox.snapshots.snapshot.Snapshot`)."""

    @property
    def entries(self) -> Mapping[str, Entry]: ...

    def read(self, path: str) -> bytes: ...


def protected_hashes(
    base: Base, rules: PathRules, products: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Test and configuration files of the base → SHA-256, and those of them that its
    installation made: `products`, path → SHA-256."""
    files = {path: entry.sha256 for path, entry in base.entries.items() if entry.kind == "file"}
    return {
        path: digest
        for path, digest in {**(products or {}), **files}.items()
        if rules.is_test_path(path)
        or rules.is_config_path(path)
        or path.rpartition("/")[2].lower() in CONFIGURATION
        or (path not in files and _is_watched(path))
    }


def _watched_names() -> frozenset[str]:
    modules = LOADED_BY_ITSELF - {"__main__"} | RUNNER_MODULES
    return CONFIGURATION | {f"{name}.py" for name in modules}


def _is_watched(path: str) -> bool:
    """Whether a file that appears in a run is an objection: as in the script above."""
    return path.endswith(".pth") or path.rpartition("/")[2] in _watched_names()


def _is_answer(value: Any) -> bool:
    if not (isinstance(value, dict) and isinstance(value.get("hashes"), dict)):
        return False
    return is_texts(value.get("appeared"))


def tamper_objections(
    session: Session,
    python: str,
    expected_hashes: Mapping[str, str],
    base_paths: Iterable[str],
    watched: Collection[str] = (),
) -> tuple[str, ...]:
    """Objections of the tamper check when a protected file is not what it was, or one appeared
    that is read by itself (a `conftest.py`, a `*.pth`, a module that hides the test runner).

    `base_paths` are all files that were there before the run. Names in `watched` are looked for
    beside those of Python.
    """
    request = {
        "root": session.workspace,
        "paths": sorted(expected_hashes),
        "watched": sorted({*_watched_names(), *watched}),
    }
    result = session.run(
        [python, "-I", "-S", "-c", _SCRIPT],
        timeout_seconds=120,
        stdin=json.dumps(request).encode("ascii"),
    )
    try:
        answer = read_json(result.stdout, _is_answer)
    except Malformed:
        return ("the test files could not be checked after the run",)
    hashes, new_paths = answer["hashes"], answer["appeared"]
    changed_paths = [path for path, digest in expected_hashes.items() if hashes.get(path) != digest]
    known_paths = set(base_paths)
    return (
        *(f"the run changed the test file {path}" for path in changed_paths),
        *(
            f"the run made {path}, which a later run would load"
            for path in new_paths
            if path not in known_paths
        ),
    )
