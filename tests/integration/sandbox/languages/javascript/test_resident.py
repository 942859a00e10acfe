"""Tests of JavaScript in a process that stays: each turn sees the files as they are now."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from sandbox.engines.choose import AnySandbox
from sandbox.languages.javascript.runners.runner import JavaScriptRunner
from sandbox.runners.base import TestReport
from tests.support.language_case import JEST, MOCHA, LanguageCase, has_node, opened

pytestmark = pytest.mark.skipif(not has_node(), reason="there is no Node on this machine")

CALC = "exports.add = (a, b) => a - b;\n"
HEAD = "const { strictEqual } = require('node:assert');\nconst { add } = require('../lib/calc');\n"
FILE = "test/a.test.js"

Turn = Callable[..., TestReport]
Stay = Callable[..., Turn]


@pytest.fixture
def stay(need_sandbox: Callable[[str], AnySandbox], tmp_path: Path) -> Iterator[Stay]:
    """What runs a turn of some tests after these files were written."""
    stack = ExitStack()

    def begin(framework: LanguageCase, files: Mapping[str, str], *test_ids: str) -> Turn:
        everything = {"package.json": framework.files["package.json"], "lib/calc.js": CALC, **files}
        case = LanguageCase(name="own", files=everything, ids={}, test_file="", broken_file="")
        made = opened(case, need_sandbox("bubblewrap"), tmp_path)
        session = stack.enter_context(made.session())
        assert isinstance(made.runner, JavaScriptRunner)
        tests = made.runner.resident(session, test_ids)
        assert tests is not None
        stack.callback(tests.close)

        def turn(**written: str) -> TestReport:
            for name, text in written.items():
                session.write(f"lib/{name}.js", text.encode())
            return tests.turn(timeout_seconds=20, test_timeout_seconds=5)

        turn.tests = tests  # type: ignore[attr-defined]
        return turn

    with stack:
        yield begin


def ends(report: TestReport) -> dict[str, str]:
    return {test_id.rpartition("::")[2]: r.outcome.value for test_id, r in report.results.items()}


@pytest.mark.parametrize("framework", [MOCHA, JEST], ids=["mocha", "jest"])
def test_each_turn_sees_the_files_as_they_are(stay: Stay, framework: LanguageCase) -> None:
    text = HEAD + "it('adds', () => { strictEqual(add(1, 2), 3); });\nit('other', () => {});\n"
    turn = stay(framework, {FILE: text}, f"{FILE}::adds")
    first = turn()
    assert ends(first) == {"adds": "failed"}
    assert first.finished
    assert ends(turn(calc="exports.add = (a, b) => a + b;\n")) == {"adds": "passed"}
    assert ends(turn(calc="exports.add = (a, b) => a * b;\n")) == {"adds": "failed"}
    assert "SyntaxError" in str(turn(calc="exports.add = (a, b => a;\n"))
    assert ends(turn(calc="exports.add = () => { for (;;) {} };\n"))["adds"] == "timed_out"
    assert ends(turn(calc="exports.add = () => process.exit(0);\n"))["adds"] in (
        "crashed",
        "failed",
    )
    assert ends(turn(calc="exports.add = (a, b) => a + b;\n")) == {"adds": "passed"}


def test_what_tests_leave_behind_is_put_back(stay: Stay) -> None:
    leaves = """
it('leaves', () => {
  const left = [globalThis.left, process.env.LEFT, process.cwd(), process.listenerCount('exit')];
  globalThis.left = 1;
  process.env.LEFT = '1';
  process.chdir('/');
  process.on('exit', () => {});
  throw new Error(left.join(' '));
});
"""
    turn = stay(MOCHA, {FILE: HEAD + leaves}, f"{FILE}::leaves")
    messages = {next(iter(turn().results.values())).message for _ in range(3)}
    assert len(messages) == 1


def test_modules_that_are_imported_are_imported_anew(stay: Stay) -> None:
    package = '{"name": "calc", "type": "module", "scripts": {"test": "mocha"}}'
    text = (
        "import { strictEqual } from 'node:assert';\nimport { twice } from '../lib/twice.js';\n"
        "it('adds', () => { strictEqual(twice(2), 4); });\n"
    )
    files = {
        "package.json": package,
        FILE: text,
        "lib/twice.js": "import { add } from './sum.js';\nexport const twice = (a) => add(a, a);\n",
        "lib/sum.js": "export const add = (a, b) => a - b;\n",
    }
    turn = stay(MOCHA, {**files, "package.json": _with_mocha(package)}, f"{FILE}::adds")
    assert ends(turn()) == {"adds": "failed"}
    second = turn(sum="export const add = (a, b) => a + b;\n")
    assert ends(second) == {"adds": "passed"}, str(second)
    assert ends(turn(sum="export const add = (a, b) => a;\n")) == {"adds": "failed"}


def _with_mocha(package: str) -> str:
    """The package, which asks for the mocha that the case does."""
    needs = json.loads(MOCHA.files["package.json"])["devDependencies"]
    return json.dumps({**json.loads(package), "devDependencies": needs})


def test_files_that_are_loaded_first_are_told(stay: Stay) -> None:
    text = HEAD + "it('adds', () => { strictEqual(add(1, 2), 3); });\n"
    files = {FILE: text, ".mocharc.yml": 'require: ["./setup.js"]\n', "setup.js": "global.a = 1;\n"}
    turn = stay(MOCHA, files, f"{FILE}::adds")
    assert turn.tests.loaded_first == {"setup.js"}  # type: ignore[attr-defined]
    assert ends(turn()) == {"adds": "failed"}


def test_what_was_printed_is_forgotten_after_each_turn(stay: Stay) -> None:
    text = """
it('prints', () => {
  global.process.stdout.write(`[${require('../lib/calc').text}]`);
  throw new Error('printed');
});
"""
    turn = stay(MOCHA, {FILE: text}, f"{FILE}::prints")
    printed = [turn(calc=f"exports.text = '{name}';\n").command.stdout for name in "abc"]
    assert [f"[{name}]" in text for name, text in zip("abc", printed, strict=True)] == [True] * 3
    assert "[a]" not in printed[2]
