"""Canary tests with random names: one must pass, one must fail, in the framework's own words."""

from __future__ import annotations

import json
import posixpath
import re
import secrets

from sandbox.languages.base import Canary
from sandbox.languages.javascript.detection.project import Framework, JavaScriptProject

_NAME = re.compile(r"^(?P<stem>[^.]*)(?P<rest>\..*)$")
_IMPORT = re.compile(rb"^[^\S\n]*(?:import\b(?!\s*\()|export\b)", re.MULTILINE)


def make_canary(project: JavaScriptProject, beside: str, text: bytes) -> Canary:
    """A canary in the folder of the file `beside`, whose content is `text`; it has the same kind of
    name and of modules, so that the same patterns and loaders take it."""
    name = name_like(posixpath.basename(beside), f"c{secrets.token_hex(6)}")
    path = posixpath.join(posixpath.dirname(beside), name)
    suite, passing_title, failing_title = (f"canary {secrets.token_hex(6)}" for _ in range(3))
    token, other_token = secrets.token_hex(8), secrets.token_hex(8)
    body = (
        f"describe({json.dumps(suite)}, () => {{\n"
        f"  it({json.dumps(passing_title)}, () => {{ equal({token!r}, {token!r}); }});\n"
        f"  it({json.dumps(failing_title)}, () => {{ equal({token!r}, {other_token!r}); }});\n"
        "});\n"
    )
    # vitest makes a module of every file, and cannot be required.
    framework = project.package_of(beside).framework
    is_module = framework is Framework.VITEST or is_module_file(path, text)
    return Canary(
        path=path,
        content=(_head(framework, is_module=is_module) + body).encode(),
        must_pass=f"{path}::{suite}::{passing_title}",
        must_fail=f"{path}::{suite}::{failing_title}",
    )


def name_like(name: str, fresh: str) -> str:
    """A new name with the ending and the marks of a test that another has: `test-…`, `…-test.js`,
    `….spec.ts`."""
    match = _NAME.match(name)
    stem, suffix = (match["stem"], match["rest"]) if match else (name, ".js")
    return f"{_stem_like(stem, fresh)}{suffix}"


def _stem_like(stem: str, fresh: str) -> str:
    if re.match(r"test[-_]", stem):
        return f"{stem[:5]}{fresh}"
    mark = re.search(r"[-_](?:test|spec)$", stem)
    return f"{fresh}{mark[0] if mark else ''}"


def is_module_file(path: str, text: bytes) -> bool:
    """Whether a test file is an ES module, by its name or by what it imports."""
    if path.endswith((".mjs", ".mts")):
        return True
    return not path.endswith((".cjs", ".cts")) and _IMPORT.search(text) is not None


def _head(framework: Framework, *, is_module: bool) -> str:
    lines = []
    if is_module:
        lines.append("import { strictEqual as equal } from 'node:assert';")
        test_import = "import { describe, it } from 'node:test';"
    else:
        lines.append("const { strictEqual: equal } = require('node:assert');")
        test_import = "const { describe, it } = require('node:test');"
    if framework in (Framework.NODE_TEST, Framework.PROGRAMS):
        lines.append(test_import)
    if framework is Framework.VITEST:
        lines.append("import { describe, it } from 'vitest';")
    return "\n".join([*lines, "", ""])
