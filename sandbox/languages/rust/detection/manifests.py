"""Reads `Cargo.toml` and `rust-toolchain`: https://doc.rust-lang.org/cargo/reference/manifest.html"""

from __future__ import annotations

import posixpath
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.snapshots.snapshot import Snapshot

MANIFEST, LOCK = "Cargo.toml", "Cargo.lock"
TOOLCHAIN_FILES = ("rust-toolchain.toml", "rust-toolchain")
MAX_FILE_BYTES = 1024 * 1024
"""A larger file is not read."""
MAX_MANIFESTS = 500
_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?")
_CHANNEL = re.compile(r"[\w.-]{1,60}", re.ASCII)
_LEFT_OUT = frozenset(("target", "vendor", "node_modules", "testdata"))
_NAME = re.compile(r"[\w-]{1,100}")
Version = tuple[int, int, int]
_EDITIONS: Mapping[str, Version] = {"2018": (1, 31, 0), "2021": (1, 56, 0), "2024": (1, 85, 0)}
"""Edition → the first Rust that has it."""
_DEPENDENCIES = ("dependencies", "dev-dependencies", "build-dependencies")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a `Cargo.toml` says."""

    path: str
    package: str = ""
    """Its name; empty where it only holds a workspace."""
    library: str = ""
    """What its library would be called in code."""
    rust: Version | None = None
    """The oldest Rust that may be used."""
    requires: bool = False
    """It needs packages from elsewhere."""
    finds_tests: bool = True
    """Files of `tests/` are tests without being named."""
    tests: tuple[str, ...] = ()
    """Files that it names as tests, from the top of the project on."""
    bare: tuple[str, ...] = ()
    """Of these, those that bring their own harness."""

    @property
    def folder(self) -> str:
        """Empty at the top."""
        return posixpath.dirname(self.path)


def manifests(snapshot: Snapshot) -> tuple[Manifest, ...]:
    """Each `Cargo.toml` of a snapshot that can be read, those above first."""
    paths = [
        path
        for path, entry in snapshot.entries.items()
        if posixpath.basename(path) == MANIFEST
        and entry.kind == "file"
        and entry.size <= MAX_FILE_BYTES
        and not is_left_out(path)
    ]
    paths.sort(key=lambda path: (path.count("/"), path))
    read = (read_manifest(path, snapshot.read(path)) for path in paths[:MAX_MANIFESTS])
    return tuple(manifest for manifest in read if manifest is not None)


def package_of(path: str, packages: Sequence[Manifest]) -> Manifest | None:
    """The package that a file lies in: the one furthest down."""
    around = [m for m in packages if not m.folder or path.startswith(f"{m.folder}/")]
    return max(around, key=lambda manifest: len(manifest.folder), default=None)


def is_left_out(path: str) -> bool:
    """Whether a file lies where no package of the project does."""
    folders = path.split("/")[:-1]
    return not _LEFT_OUT.isdisjoint(folders) or any(part.startswith(".") for part in folders)


def read_manifest(path: str, content: bytes) -> Manifest | None:
    """What can be read of it; all else is passed over. None where it is no TOML."""
    document = _toml(content)
    if document is None:
        return None
    package, library = _table(document, "package"), _table(document, "lib")
    name = package.get("name")
    name = name if isinstance(name, str) and _NAME.fullmatch(name) else ""
    crate = library.get("name")
    crate = crate if isinstance(crate, str) and _NAME.fullmatch(crate) else name
    shared = _table(_table(document, "workspace"), "package")
    folder = posixpath.dirname(path)
    tests = list(_tests(document, folder))
    return Manifest(
        path=path,
        package=name,
        library=crate.replace("-", "_"),
        rust=max(filter(None, (_oldest(package), _oldest(shared))), default=None),
        requires=any(_requires(document)),
        finds_tests=package.get("autotests") is not False,
        tests=tuple(place for place, _ in tests),
        bare=tuple(place for place, is_bare in tests if is_bare),
    )


def wanted_channel(snapshot: Snapshot) -> str:
    """The toolchain that a file at the top asks for, e.g. `1.80.0` or `nightly`; empty for none."""
    for path in TOOLCHAIN_FILES:
        entry = snapshot.entries.get(path)
        if entry is None or entry.kind != "file" or entry.size > MAX_FILE_BYTES:
            continue
        content = snapshot.read(path)
        document = _toml(content)
        channel: Any = content.decode("utf-8", "replace").strip()
        if document is not None:
            channel = _table(document, "toolchain").get("channel")
        if isinstance(channel, str) and _CHANNEL.fullmatch(channel):
            return channel
    return ""


def version_of(text: str) -> Version | None:
    """The numbers that a version begins with: `1.80`, `1.80.1`, `1.97.0-nightly`."""
    match = _VERSION.match(text)
    return None if match is None else (int(match[1]), int(match[2]), int(match[3] or 0))


def _toml(content: bytes) -> Mapping[str, Any] | None:
    try:
        return tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        return None


def _table(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def _oldest(package: Mapping[str, Any]) -> Version | None:
    """By the version that it names, or by its edition."""
    version, edition = package.get("rust-version"), package.get("edition")
    named = version_of(version) if isinstance(version, str) else None
    by_edition = _EDITIONS.get(edition) if isinstance(edition, str) else None
    return max(filter(None, (named, by_edition)), default=None)


def _requires(document: Mapping[str, Any]) -> Iterator[bool]:
    """For each dependency, whether it comes from elsewhere than the project."""
    owners = [document, _table(document, "workspace")]
    owners += [of for of in _table(document, "target").values() if isinstance(of, dict)]
    for owner in owners:
        for kind in _DEPENDENCIES:
            for source in _table(owner, kind).values():
                is_own = isinstance(source, dict) and ("path" in source or "workspace" in source)
                yield not is_own


def _tests(document: Mapping[str, Any], folder: str) -> Iterator[tuple[str, bool]]:
    """Files of `[[test]]`, and whether each brings its own harness."""
    entries = document.get("test")
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict):
            continue
        path, name = entry.get("path"), entry.get("name")
        if not isinstance(path, str) and isinstance(name, str):
            path = f"tests/{name}.rs"
        if isinstance(path, str):
            yield posixpath.normpath(posixpath.join(folder, path)), entry.get("harness") is False
