"""Canary tests with random names: one must pass, one must fail."""

from __future__ import annotations

import posixpath
import re
import secrets

from sandbox.languages.base import Canary

_PACKAGE = re.compile(rb"^package[ \t]+(\w+)", re.MULTILINE)
_BUILD = re.compile(rb"\A(?:[ \t]*(?://[^\n]*)?\n)*?(//go:build [^\n]+)\n", re.MULTILINE)


def make_canary(beside: str, text: bytes) -> Canary:
    """A canary in the package of the test file `beside`, whose content is `text`, built under the
    same conditions."""
    package = _PACKAGE.search(text)
    name = package[1].decode() if package else "main"
    build = _BUILD.search(text)
    condition = f"{build[1].decode('utf-8', 'replace').strip()}\n\n" if build else ""
    # Go runs the tests of a package by the names of their files: what ends the process early also
    # keeps the canary from passing.
    path = posixpath.join(posixpath.dirname(beside), f"zz{secrets.token_hex(6)}_test.go")
    passing, failing = (f"TestC{secrets.token_hex(6)}" for _ in range(2))
    token, other_token = secrets.token_hex(8), secrets.token_hex(8)
    content = (
        f'{condition}package {name}\n\nimport "testing"\n\n'
        + _function(passing, token, token)
        + _function(failing, token, other_token)
    )
    return Canary(
        path=path,
        content=content.encode(),
        must_pass=f"{path}::{passing}",
        must_fail=f"{path}::{failing}",
    )


def _function(name: str, actual: str, expected: str) -> str:
    return (
        f"func {name}(t *testing.T) {{\n"
        f'\tif actual, expected := "{actual}", "{expected}"; actual != expected {{\n'
        '\t\tt.Fatalf("%s is not %s", actual, expected)\n'
        "\t}\n}\n\n"
    )
