"""Which sources of Rust hold tests, and which are built for tests alone."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator

from sandbox.languages.rust.detection.manifests import is_left_out
from sandbox.snapshots.snapshot import Snapshot

MAX_SOURCE_BYTES = 1024 * 1024
MAX_READ_FILES = 5_000
SOURCE_SUFFIX = ".rs"
_TEST = re.compile(
    rb"^[ \t]*(?!//)[^\n]*#\[\s*(?:\w+\s*::\s*)*(?:test|rstest|test_case|quickcheck"
    rb"|wasm_bindgen_test)\b"
    rb"|^[ \t]*(?:proptest|quickcheck)!\s*[({]",
    re.MULTILINE,
)
"""A function that is a test, or a macro that makes some."""
_EXAMPLE = re.compile(rb"^[ \t]*//[/!][ \t]*```(?:rust|should_panic|no_run)?[ \t]*$", re.MULTILINE)
_WHOLE = re.compile(rb"^[ \t]*#!\[\s*cfg\s*\(\s*test\s*\)\s*\]", re.MULTILINE)
_MODULE = re.compile(
    rb"^[ \t]*#\[\s*cfg\s*\(\s*test\s*\)\s*\]\s*(?:#\[\s*path\s*=\s*\"([^\"\n]{1,200})\"\s*\]\s*)?"
    rb"(?:pub(?:\([^)\n]*\))?\s+)?mod\s+(\w+)\s*;",
    re.MULTILINE,
)
_ROOTS = frozenset(("lib.rs", "main.rs", "mod.rs"))


class FoundTests:
    """What a look at the sources of a project finds."""

    def __init__(self) -> None:
        self.files: list[str] = []
        """With tests."""
        self.whole: set[str] = set()
        """Built for tests alone."""
        self.has_examples = False
        """Doc comments hold code."""


def find_tests(snapshot: Snapshot) -> FoundTests:
    """Look at each source once."""
    places = FoundTests()
    paths = [
        path
        for path, entry in sorted(snapshot.entries.items())
        if path.endswith(SOURCE_SUFFIX) and entry.kind == "file" and not is_left_out(path)
    ]
    for path in paths[:MAX_READ_FILES]:
        if snapshot.entries[path].size > MAX_SOURCE_BYTES:
            continue
        content = snapshot.read(path)
        if _TEST.search(content):
            places.files.append(path)
        if _WHOLE.search(content):
            places.whole.add(path)
        places.whole.update(_modules(path, content, snapshot.entries))
        places.has_examples = places.has_examples or _EXAMPLE.search(content) is not None
    return places


def _modules(path: str, content: bytes, paths: Collection[str]) -> Iterator[str]:
    """Files of modules that are built for tests alone."""
    folder, name = posixpath.split(path)
    inner = folder if name in _ROOTS else posixpath.join(folder, name.removesuffix(SOURCE_SUFFIX))
    for place, module in _MODULE.findall(content):
        if place:
            candidates = [posixpath.join(folder, place.decode("utf-8", "replace"))]
        else:
            stem = posixpath.join(inner, module.decode("utf-8", "replace"))
            candidates = [f"{stem}{SOURCE_SUFFIX}", f"{stem}/mod{SOURCE_SUFFIX}"]
        yield from (one for one in map(posixpath.normpath, candidates) if one in paths)
