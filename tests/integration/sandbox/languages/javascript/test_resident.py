"""Tests of JavaScript in a process that stays: each turn sees the files as they are now."""

from __future__ import annotations

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
