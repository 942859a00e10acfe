"""From a snapshot to what is known of a Rust project."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence

from sandbox.languages.base import Overrides
from sandbox.languages.rust.detection.find_tests import FoundTests, find_tests
from sandbox.languages.rust.detection.manifests import (
    LOCK,
    Manifest,
    manifests,
    package_of,
    version_of,
    wanted_channel,
)
from sandbox.languages.rust.detection.project import RustProject, RustTests
from sandbox.languages.rust.detection.test_command import CargoTestCommand, cargo_test_command
from sandbox.snapshots.snapshot import Snapshot

MAX_NAME_CHARACTERS = 100
_NAME = re.compile(rf"[\w-]{{1,{MAX_NAME_CHARACTERS}}}", re.ASCII)


def understand(snapshot: Snapshot, overrides: Overrides | None = None) -> RustProject | None:
    """Find how the project is installed and tested; what the user gives wins. None where it has no
    Cargo.toml with a package, or where the command that was given runs no `cargo test`.

    Broken or hostile configuration becomes a note, never an error.
    """
    overrides = overrides or Overrides()
    files = manifests(snapshot)
    packages = [manifest for manifest in files if manifest.package]
    command = cargo_test_command(overrides.test) if overrides.test else CargoTestCommand()
    if not packages or command is None:
        return None
    places = find_tests(snapshot)
    bare = {path for manifest in packages for path in manifest.bare}
    tests = [p for p in places.files if package_of(p, packages) is not None and p not in bare]
    named = {path for manifest in packages for path in manifest.tests}
    whole = places.whole | {path for path in named if path in snapshot.entries}
    name, channel = packages[0].package, wanted_channel(snapshot)
    return RustProject(
        name=name if _NAME.fullmatch(name) else snapshot.name,
        tests=RustTests(
            options=command.options,
            files=tuple(tests),
            whole=tuple(sorted(whole)),
            bare=tuple(sorted(bare)),
            given=bool(overrides.test),
        ),
        crates={one.folder: _library(one, snapshot) for one in packages},
        listed=tuple(one.folder for one in packages if not one.finds_tests),
        rust_version=_oldest(files, channel),
        channel=channel,
        install=overrides.install,
        variables=dict(overrides.env),
        why=(_why_tests(packages, overrides), _why_install(snapshot, files, overrides)),
        notes=tuple(_notes(places, packages, bare, overrides)),
    )


def _library(manifest: Manifest, snapshot: Snapshot) -> str:
    path = posixpath.join(manifest.folder, "src/lib.rs")
    return manifest.library if path in snapshot.entries else ""


def _oldest(files: Sequence[Manifest], channel: str) -> tuple[int, int, int] | None:
    asked = [version_of(channel), *(file.rust for file in files)]
    return max(filter(None, asked), default=None)


def _why_tests(packages: Sequence[Manifest], overrides: Overrides) -> str:
    if overrides.test:
        return f"tests run by cargo test: the command given, {overrides.test}"
    count = f" and {len(packages) - 1} more" if len(packages) > 1 else ""
    return f"tests run by cargo test: there is {packages[0].path}{count}"


def _why_install(snapshot: Snapshot, files: Sequence[Manifest], overrides: Overrides) -> str:
    if overrides.install:
        return f"installed by the command given: {overrides.install}"
    if not any(file.requires for file in files):
        return "Cargo.toml names no dependency from elsewhere"
    if is_vendored(snapshot):
        return "its dependencies lie in vendor/"
    lock = "by Cargo.lock" if LOCK in snapshot.entries else "there is no Cargo.lock"
    return f"its dependencies are installed by cargo fetch, {lock}"


def is_vendored(snapshot: Snapshot) -> bool:
    """Whether the dependencies lie in the repository, and a setting of Cargo may name them."""
    has_settings = any(f".cargo/{name}" in snapshot.entries for name in ("config.toml", "config"))
    return has_settings and any(path.startswith("vendor/") for path in snapshot.entries)


def _notes(
    places: FoundTests, packages: Sequence[Manifest], bare: set[str], overrides: Overrides
) -> Iterator[str]:
    if overrides.python:
        yield "the Python that was asked for is not used: the tests are Rust's"
    outside = sum(package_of(path, packages) is None for path in places.files)
    if outside:
        yield f"{outside} files with tests lie in no package: no Cargo.toml stands above them"
    if bare:
        yield f"{len(bare)} files of tests bring their own harness and are not run"
    if places.has_examples:
        yield "examples in doc comments are not run"
