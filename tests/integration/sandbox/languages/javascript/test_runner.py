"""What is particular to the runners of JavaScript, on real projects in a real sandbox."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.engines.choose import AnySandbox
from sandbox.errors import ToolchainNotFound
from sandbox.languages.javascript.environments.toolchain import missing
from sandbox.runners.base import Outcome, TestReport
from tests.support.language_case import JEST, MOCHA, VITEST, LanguageCase, Opened, has_node, opened

pytestmark = pytest.mark.skipif(not has_node(), reason="there is no Node on this machine")

PACKAGE = '{"name": "calc", "scripts": {"test": "node --test"}}'
HEAD = "const { test, describe, it, before } = require('node:test');\n"

Run = Callable[[Mapping[str, str]], TestReport]


@pytest.fixture
def run(need_sandbox: Callable[[str], AnySandbox], tmp_path: Path) -> Run:
    """The report of a run of all tests of these files."""

    def report(files: Mapping[str, str]) -> TestReport:
        everything = {"package.json": PACKAGE, **files}
        case = LanguageCase(name="own", files=everything, ids={}, test_file="", broken_file="")
        return opened(case, need_sandbox("bubblewrap"), tmp_path).run(test_seconds=20.0)

    return report


def ends(report: TestReport) -> dict[str, str]:
    return {test_id.partition("::")[2]: r.outcome.value for test_id, r in report.results.items()}


def test_tests_at_once_of_one_name_and_of_a_parent(run: Run) -> None:
    text = """
describe('together', { concurrency: true }, () => {
  it('slow', async () => { await new Promise((done) => setTimeout(done, 30)); });
  it('quick', async () => { await 1; throw new Error('quick'); });
});
test('twice', () => {});
test('twice', () => { throw new TypeError('second'); });
test('parent', async (t) => { await t.test('child', () => { throw 'a text'; }); });
test('todo', { todo: true }, () => { throw new Error('later'); });
"""
    report = run({"test/a.test.js": HEAD + text})
    assert ends(report) == {
        "together::slow": "passed",
        "together::quick": "failed",
        "twice": "passed",
        "twice #2": "failed",
        "parent::child": "failed",
        "parent": "failed",
        "todo": "xfailed",
    }
    assert report.results["test/a.test.js::parent::child"].message == "a text"
    assert report.results["test/a.test.js::twice #2"].exception == "TypeError"


def test_a_file_that_fails_without_a_failing_test_is_no_pass(run: Run) -> None:
    report = run(
        {
            "test/throws.test.js": HEAD + "test('fine', () => {});\nthrow new Error('top');\n",
            "test/exits.test.js": HEAD + "test('fine', () => {});\n"
            "process.on('exit', () => { process.exitCode = 7; });\n",
            "test/hook.test.js": HEAD + "describe('s', () => {\n"
            "  before(() => { throw new Error('set-up'); });\n  it('x', () => {});\n});\n",
        }
    )
    assert {"test/throws.test.js", "test/exits.test.js"} <= set(report.collection_errors)
    assert "top" in report.collection_errors["test/throws.test.js"]
    hook = {**report.collection_errors, **{t: r.outcome for t, r in report.results.items()}}
    assert any(name.startswith("test/hook.test.js") for name in hook)
    assert report.results.get("test/hook.test.js::s::x") is None or (
        report.results["test/hook.test.js::s::x"].outcome is not Outcome.PASSED
    )


def test_a_program_without_tests_is_one_by_its_exit_status(run: Run) -> None:
    report = run(
        {
            "test/good.js": "require('assert').ok(true);\n",
            "test/bad.js": "require('assert').strictEqual(1, 2);\n",
        }
    )
    outcomes = {test_id: result.outcome for test_id, result in report.results.items()}
    assert outcomes == {"test/good.js": Outcome.PASSED, "test/bad.js": Outcome.FAILED}
    assert "AssertionError" in report.results["test/bad.js"].message


def test_loaders_and_children_inherit_the_reporter_and_say_nothing(run: Run) -> None:
    """Node runs what `--require` names in the thread of a loader, and `fork` hands it on."""
    report = run(
        {
            "package.json": '{"scripts": {"test": "node --import ./first.mjs --test"}}',
            "first.mjs": "import { register } from 'node:module';\n"
            "register('./loader.mjs', import.meta.url);\n",
            "loader.mjs": "export const load = (url, context, next) => next(url, context);\n",
            "child.js": "process.send(Object.keys(process.env).join());\n",
            "test/a.test.js": HEAD
            + """
test('forks', (t, done) => {
  require('node:child_process').fork('child.js').on('message', (names) => {
    done(names.includes('REPAIR_') ? new Error(names) : undefined);
  });
});
""",
        }
    )
    assert ends(report) == {"forks": "passed"}
    assert not report.collection_errors


def test_what_a_test_does_to_the_language_changes_no_report(run: Run) -> None:
    text = """
const fs = require('node:fs');
test('bends', () => {
  JSON.stringify = () => '{}';
  fs.writeSync = () => 0;
  String.prototype.slice = () => 'x';
});
test('other', () => { throw new Error('red'); });
"""
    assert ends(run({"test/a.test.js": HEAD + text})) == {"bends": "passed", "other": "failed"}


def test_without_node_the_error_says_what_to_do() -> None:
    error = missing("bubblewrap", ">=20")
    assert isinstance(error, ToolchainNotFound)
    assert "Node 18 or newer (its files ask for >=20)" in str(error)
    assert "/usr/local" in str(error)
    assert "REPAIR_DOCKER_IMAGE" in str(missing("docker", None))


@pytest.fixture(scope="module")
def with_mocha(
    need_sandbox: Callable[[str], AnySandbox], tmp_path_factory: pytest.TempPathFactory
) -> Opened:
    return opened(MOCHA, need_sandbox("bubblewrap"), tmp_path_factory.mktemp("mocha"))


@pytest.mark.nightly
def test_hooks_of_mocha_that_fail_count_for_their_tests(with_mocha: Opened) -> None:
    text = """
describe('each', () => {
  beforeEach(function () { if (this.currentTest.title === 'b') throw new Error('hook'); });
  it('a', () => {}); it('b', () => {}); it('c', () => {});
});
describe('all', () => { before(() => { throw new Error('all'); }); it('d', () => {}); });
describe('after', () => { after(() => { throw new Error('end'); }); it('e', () => {}); });
it('times out', function () { this.timeout(20); return new Promise(() => {}); });
"""
    path = "test/hooks.test.js"
    outcomes = ends(with_mocha.run([path], files={path: text}))
    assert outcomes == {
        "each::a": "passed",
        "each::b": "error",
        "each::c": "error",
        "all::d": "error",
        "after::e": "error",
        "times out": "failed",
    }


def with_script(case: LanguageCase, script: str) -> LanguageCase:
    """The case, with another script `test`."""
    package = {**json.loads(case.files["package.json"]), "scripts": {"test": script}}
    return replace(case, files={**case.files, "package.json": json.dumps(package)})


@pytest.fixture(scope="module")
def with_jest(
    need_sandbox: Callable[[str], AnySandbox], tmp_path_factory: pytest.TempPathFactory
) -> Opened:
    case = with_script(JEST, "jest -t '(SUITE.*|twice.*)$'")
    return opened(case, need_sandbox("bubblewrap"), tmp_path_factory.mktemp("jest"))


@pytest.mark.nightly
def test_tests_that_jest_runs_again_are_one_each(with_jest: Opened) -> None:
    text = """
jest.retryTimes(2);
let tries = 0;
describe('suite', () => {
  it('heals', () => { tries += 1; if (tries < 3) throw new Error('not yet'); });
  it('never', () => { throw new Error('red'); });
  it('fine', () => {});
});
it('twice', () => { throw new Error('first'); });
it('twice', () => {});
"""
    path = "test/again.test.js"
    assert ends(with_jest.run([path], files={path: text})) == {
        "suite::heals": "passed",
        "suite::never": "failed",
        "suite::fine": "passed",
        "twice": "failed",
        "twice #2": "passed",
    }


@pytest.mark.nightly
def test_the_names_that_the_script_gives_jest_hold_beside_those_asked_for(
    with_jest: Opened,
) -> None:
    path = JEST.test_file
    report = with_jest.run([f"{path}::suite::deep", f"{path}::last"])
    assert report.results[f"{path}::suite::deep"].outcome is Outcome.PASSED
    assert report.results[f"{path}::last"].outcome is Outcome.SKIPPED


@pytest.fixture(scope="module")
def with_vitest(
    need_sandbox: Callable[[str], AnySandbox], tmp_path_factory: pytest.TempPathFactory
) -> Opened:
    return opened(VITEST, need_sandbox("bubblewrap"), tmp_path_factory.mktemp("vitest"))


VITEST_HEAD = "import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';\n"


@pytest.mark.nightly
def test_what_vitest_calls_skipped_and_is_not(with_vitest: Opened) -> None:
    """Tests behind a hook that fails are "skipped" for vitest, and a snapshot that is not there is
    written, with a pass."""
    text = """
describe('all', () => { beforeAll(() => { throw new Error('set-up'); }); it('a', () => {}); });
describe('after', () => { afterAll(() => { throw new Error('end'); }); it('b', () => {}); });
it('shot', () => { expect(1).toMatchSnapshot(); });
it('inline', () => { expect(1).toMatchInlineSnapshot(); });
it('todo', (context) => { context.skip(); });
it('heals', { retry: 2 }, () => { tries += 1; if (tries < 3) throw new Error('not yet'); });
it.fails('red', () => { throw new Error('as it should'); });
it('same', () => {});
it('same', () => { throw new TypeError('second'); });
it('clock', () => { vi.useFakeTimers(); Date.now = () => 0; JSON.stringify = () => '{}'; });
it.concurrent('c', async () => {}); it.concurrent('d', async () => { throw new Error('d'); });
let tries = 0;
"""
    path = "test/odd.test.ts"
    report = with_vitest.run([path], files={path: VITEST_HEAD + text}, test_seconds=20.0)
    assert ends(report) == {
        "all::a": "error",
        "after::b": "error",
        "shot": "failed",
        "inline": "failed",
        "todo": "skipped",
        "heals": "passed",
        "red": "passed",
        "same": "passed",
        "same #2": "failed",
        "clock": "passed",
        "c": "passed",
        "d": "failed",
    }


@pytest.mark.nightly
def test_what_ends_or_escapes_a_process_of_vitest_is_no_pass(with_vitest: Opened) -> None:
    files = {
        "test/dies.test.ts": VITEST_HEAD
        + "it('a', () => {}); it('dies', () => { process.kill(process.pid, 9); for (;;); });\n"
        "it('b', () => {});\n",
        "test/early.test.ts": VITEST_HEAD + "process.kill(process.pid, 9);\nit('x', () => {});\n",
        "test/late.test.ts": VITEST_HEAD
        + "it('e', async () => { Promise.reject(new Error('lost')); await 1; });\n",
        "test/none.test.ts": "export {};\n",
    }
    report = with_vitest.run(list(files), files=files, test_seconds=20.0)
    assert report.results["test/dies.test.ts::dies"].outcome is Outcome.CRASHED
    assert report.results["test/dies.test.ts::a"].outcome is Outcome.PASSED
    assert report.results["test/dies.test.ts::b"].outcome is Outcome.PASSED
    assert "test/early.test.ts" in report.collection_errors
    assert report.results["test/late.test.ts::e"].outcome is Outcome.ERROR
    assert "test/early.test.ts::x" not in report.results


@pytest.mark.nightly
def test_a_failure_in_typescript_has_its_own_line(with_vitest: Opened) -> None:
    text = """
interface One {
  a: number;
}

type Two = One & { b: number };

it('fails', () => {
  const one: One = { a: 1 };
  expect(one.a).toBe(2);
});
"""
    path = "test/lines.test.ts"
    failure = with_vitest.run([path], files={path: VITEST_HEAD + text}).results[f"{path}::fails"]
    assert (failure.frames[-1].path, failure.frames[-1].line) == (path, 11)
    assert "expected 1 to be 2" in failure.message


def test_programs_are_tests_by_their_exit_status(
    need_sandbox: Callable[[str], AnySandbox], tmp_path: Path
) -> None:
    red = """console.log('TAP version 13\\n# adds\\nok 1 one\\nnot ok 2 should be equal');
console.error(new Error('two').stack);
process.exit(1);
"""
    files = {
        "package.json": '{"name": "calc", "scripts": {"test": "tape test/*.js"}}',
        "test/a.js": red,
        "test/b.js": "for (;;) {}\n",
        "test/c.js": "process.exit(0);\n",
    }
    ids = {"passes": "test/c.js"}
    case = LanguageCase(name="own", files=files, ids=ids, test_file="test/c.js", broken_file="")
    made = opened(case, need_sandbox("bubblewrap"), tmp_path)
    report = made.run(test_seconds=3.0)
    assert {test_id: r.outcome.value for test_id, r in report.results.items()} == {
        "test/a.js": "failed",
        "test/b.js": "timed_out",
        "test/c.js": "passed",
    }
    failed = report.results["test/a.js"]
    assert failed.message == "not ok 2 should be equal"
    assert "ok 1 one" not in failed.details.replace("not ok", "")
    assert [(frame.path, frame.line) for frame in failed.frames][-1] == ("test/a.js", 2)
    assert list(made.run(["test/c.js"]).results) == ["test/c.js"]
    canary = made.canary()
    with_canary = made.run(
        [canary.must_pass, canary.must_fail], files={canary.path: canary.content}
    )
    assert {test_id: r.outcome.value for test_id, r in with_canary.results.items()} == {
        canary.must_pass: "passed",
        canary.must_fail: "failed",
    }
