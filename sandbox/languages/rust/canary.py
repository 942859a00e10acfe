"""Canary tests with random names: one must pass, one must fail."""

from __future__ import annotations

import posixpath
import secrets

from sandbox.languages.base import Canary
from sandbox.languages.rust.detection.project import RustProject


def make_canary(project: RustProject, beside: str) -> Canary:
    """A canary in the package of the test file `beside`: an integration test of its own, into which
    the package's library is linked. What that does to the process keeps it from passing.

    Where Cargo.toml names each test, a new file is none; there it is a program with tests."""
    folder = package_folder(project, beside)
    stem = f"zz{secrets.token_hex(6)}_test"
    is_listed = folder in project.listed
    path = posixpath.join(folder, "src/bin" if is_listed else "tests", f"{stem}.rs")
    passing, failing = (f"c{secrets.token_hex(6)}" for _ in range(2))
    token, other_token = secrets.token_hex(8), secrets.token_hex(8)
    crate = project.crates.get(folder, "")
    content = (
        (f"extern crate {crate} as _;\n\n" if crate else "")
        + _function(passing, token, token)
        + _function(failing, token, other_token)
        + ("fn main() {}\n" if is_listed else "")
    )
    return Canary(
        path=path,
        content=content.encode(),
        must_pass=f"{path}::{passing}",
        must_fail=f"{path}::{failing}",
    )


def package_folder(project: RustProject, path: str) -> str:
    """The folder of the package that a file lies in: the one furthest down."""
    around = [f for f in project.crates if not f or path.startswith(f"{f}/")]
    return max(around, key=len, default="")


def _function(name: str, actual: str, expected: str) -> str:
    return f'#[test]\nfn {name}() {{\n    assert_eq!("{actual}", "{expected}");\n}}\n\n'
