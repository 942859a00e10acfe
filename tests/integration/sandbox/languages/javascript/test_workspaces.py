"""Packages of a workspace, in a real sandbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from sandbox.base import Limits
from sandbox.engines.choose import AnySandbox
from sandbox.languages.base import Overrides
from sandbox.languages.choose import language_of, understand
from sandbox.runners.base import TestReport
from tests.support.language_case import LanguageCase, Opened, has_node, opened
from tests.support.snapshot_case import snapshot_of

pytestmark = pytest.mark.skipif(not has_node(), reason="there is no Node on this machine")

HEAD = "const { test } = require('node:test');\nconst assert = require('node:assert');\n"
A, B = "packages/a/test/a.test.js", "packages/b/test/b.test.js"
FILES = {
    "package.json": '{"name": "top", "private": true, "workspaces": ["packages/*"]}',
    "packages/a/package.json": '{"name": "@x/a", "version": "1.0.0", "main": "a.js",'
    ' "scripts": {"test": "node --test"}, "dependencies": {"@x/b": "1.0.0"}}',
    "packages/a/a.js": "exports.twice = (n) => require('@x/b').sum([n, n]);\n",
    A: HEAD
    + "test('twice', () => assert.equal(require('..').twice(2), 4));\n"
    + "test('who', () => assert.equal(process.env.WHO, undefined));\n"
    + "test('ends', () => { process.exit(0); });\n"
    + "test('hangs', () => { for (;;) {} });\n",
    "packages/b/package.json": '{"name": "@x/b", "version": "1.0.0", "main": "b.js",'
    ' "scripts": {"test": "WHO=b node --test test"}}',
    "packages/b/b.js": "exports.sum = (all) => all.reduce((sum, one) => sum + one, 0);\n",
    B: HEAD
    + "test('sum', () => assert.equal(require('..').sum([1, 2]), 3));\n"
    + "test('who', () => assert.equal(process.env.WHO, 'b'));\n"
    + "test('folder', () => assert.match(process.cwd(), /packages.b$/));\n"
    + "test('hangs', () => { for (;;) {} });\n"
    + "test('last', () => {});\n",
}


def ends(report: TestReport) -> dict[str, str]:
    return {test_id: result.outcome.value for test_id, result in report.results.items()}


@pytest.fixture
def workspace(need_sandbox: Callable[[str], AnySandbox], tmp_path: Path) -> Opened:
    case = LanguageCase(
        name="own", files=FILES, ids={"passes": f"{B}::sum"}, test_file=B, broken_file=""
    )
    return opened(case, need_sandbox("bubblewrap"), tmp_path)


def test_each_package_runs_in_its_own_folder_and_goes_on_behind_what_hangs(
    workspace: Opened,
) -> None:
    assert ends(workspace.run()) == {
        f"{A}::twice": "passed",
        f"{A}::who": "passed",
        f"{A}::ends": "crashed",
        f"{A}::hangs": "timed_out",
        f"{B}::sum": "passed",
        f"{B}::who": "passed",
        f"{B}::folder": "passed",
        f"{B}::hangs": "timed_out",
        f"{B}::last": "passed",
    }
    named = [f"{B}::who", f"{A}::who", f"{B}::no such test"]
    assert ends(workspace.run(named)) == {f"{A}::who": "passed", f"{B}::who": "passed"}
    canary = workspace.canary()
    report = workspace.run(
        [canary.must_pass, canary.must_fail], files={canary.path: canary.content}
    )
    assert ends(report) == {canary.must_pass: "passed", canary.must_fail: "failed"}


WITH_PACKAGES = {
    **FILES,
    "package.json": '{"name": "top", "workspaces": ["packages/*"],'
    ' "scripts": {"test": "npm test --workspaces"}, "devDependencies": {"mocha": "10.8.2"}}',
    "packages/a/package.json": '{"name": "@x/a", "version": "1.0.0", "main": "a.js",'
    ' "scripts": {"test": "node --test"}, "dependencies": {"@x/b": "1.0.0", "ms": "2.1.3"}}',
    A: HEAD + "test('ms', () => assert.equal(require('ms/package.json').version, '2.1.3'));\n",
    "packages/b/package.json": '{"name": "@x/b", "version": "1.0.0", "main": "b.js",'
    ' "scripts": {"test": "mocha"}, "dependencies": {"ms": "2.0.0"}}',
    B: "const assert = require('node:assert');\n"
    "it('ms', () => assert.equal(require('ms/package.json').version, '2.0.0'));\n",
    "packages/c/package.json": '{"name": "@x/c", "scripts": {"test": "vitest"}}',
    "packages/c/c.test.js": "import { it } from 'vitest';\nit('c', () => {});\n",
}


def run_of(
    sandbox: AnySandbox, folder: Path, files: Mapping[str, str], only: tuple[str, ...] = ()
) -> TestReport:
    snapshot = snapshot_of(folder, files)
    project = understand(snapshot, Overrides(only=only))
    language = language_of(project)
    built = language.prepare(sandbox, project, snapshot, lambda _: None)
    with sandbox.open(built.environment, built.source, Limits()) as session:
        runner = language.runner(project, built.environment)
        return runner.run(session, only or None, timeout_seconds=100, test_timeout_seconds=20)


@pytest.mark.nightly
def test_packages_of_two_versions_and_a_framework_that_is_not_there(
    need_sandbox: Callable[[str], AnySandbox], tmp_path: Path
) -> None:
    """Each member sees its own packages first and those of the top behind; one whose framework
    cannot be started is told, and costs the others nothing."""
    files = WITH_PACKAGES
    sandbox = need_sandbox("bubblewrap")
    report = run_of(sandbox, tmp_path / "all", files)
    assert ends(report) == {f"{A}::ms": "passed", f"{B}::ms": "passed"}
    assert list(report.collection_errors) == ["packages/c/package.json"]
    only = (f"{B}::ms",)
    assert ends(run_of(sandbox, tmp_path / "one", files, only)) == {only[0]: "passed"}
