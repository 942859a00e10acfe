"""Candidates asked first in a process that stays: what it says is never the last word."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import pytest

from agent.validation.test_outcomes import outcomes
from sandbox.base import Session
from sandbox.engines.choose import AnySandbox
from sandbox.evaluation.base import Evaluation
from sandbox.evaluation.rerun import MAX_SPOILED, RerunEvaluator, RerunSettings
from sandbox.evaluation.resident import ResidentTests
from sandbox.languages.javascript.runners.runner import JavaScriptRunner
from sandbox.source import SourceEdit
from tests.support.language_case import MOCHA, LanguageCase, has_node, opened

pytestmark = pytest.mark.skipif(not has_node(), reason="there is no Node on this machine")

LIB, TEST = "lib/calc.js", "test/a.test.js"
CALC = "exports.add = (a, b) => a - b;\n"
HEAD = "const { strictEqual } = require('node:assert');\n"
TESTS = (
    HEAD
    + """const assert = require('node:assert');
const { add } = require('../lib/calc');
it('adds', () => assert.strictEqual(add(1, 2), process.spoilt || 3));
it('other', () => {});
"""
)
ADDS, OTHER = f"{TEST}::adds", f"{TEST}::other"
SPOIL = "process.spoilt = 'spoilt';\n"
"""Of what is not put back between two candidates."""


def minus(replacement: str) -> SourceEdit:
    return SourceEdit(LIB, CALC.index("-"), CALC.index("-") + 1, replacement)


FIX, WRONG, ENDLESS = minus("+"), minus("*"), SourceEdit(LIB, 0, 0, "for (;;) {}\n")
ENDS, FIRST_LINE = SourceEdit(LIB, 0, 0, "process.exit(3);\n"), SourceEdit(LIB, 0, 0, SPOIL)

Ask = Callable[..., dict[str, Evaluation]]


@pytest.fixture
def starts() -> list[str]:
    """The first test of each process that was to stay."""
    return []


@pytest.fixture
def ask(
    need_sandbox: Callable[[str], AnySandbox], tmp_path: Path, starts: list[str]
) -> Iterator[Ask]:
    """Name of each candidate → what becomes of it, all of them handed over at once."""
    made: list[RerunEvaluator] = []

    def evaluate(
        candidates: Mapping[str, Sequence[SourceEdit]], **files: str
    ) -> dict[str, Evaluation]:
        everything = {"package.json": MOCHA.files["package.json"], LIB: CALC, TEST: TESTS, **files}
        case = LanguageCase(name="own", files=everything, ids={}, test_file="", broken_file="")
        case_opened = opened(case, need_sandbox("bubblewrap"), tmp_path)
        runner = case_opened.runner
        assert isinstance(runner, JavaScriptRunner)

        def start(session: Session, names: Sequence[str]) -> ResidentTests | None:
            starts.append(names[0])
            return runner.resident(session, names)

        settings = RerunSettings(
            runner=runner,
            targets=[ADDS],
            regressions=[OTHER],
            timeout_seconds=30.0,
            read=case_opened.snapshot.text,
            outcomes=partial(outcomes, containers=()),
            first=[ADDS],
            test_seconds=2.0,
            resident=start,
        )
        made.append(RerunEvaluator(case_opened.session, settings, 1))
        for number, edits in enumerate(candidates.values()):
            made[-1].submit(number, edits)
        found: dict[int, Evaluation] = {}
        while len(found) < len(candidates):
            found |= {one.number: one for one in made[-1].collect(60.0)}
        return {name: found[number] for number, name in enumerate(candidates)}

    yield evaluate
    for one in made:
        one.close()


def test_what_fails_there_is_not_run_anew_and_what_passes_is(ask: Ask) -> None:
    found = ask({"wrong": [WRONG], "fix": [FIX], "ends": [ENDS], "endless": [ENDLESS]})
    assert {name: (one.state, one.mode) for name, one in found.items()} == {
        "wrong": ("target_failed", "resident"),
        "fix": ("passed", "disk"),
        "ends": ("target_failed", "disk"),
        "endless": ("timed_out", "resident"),
    }
    assert "expected: 3" in found["wrong"].signature or "3" in found["wrong"].signature


CHANGES = [
    ("Array.prototype.includes = () => true;", "Object.prototype.extra = 1;"),
    pytest.param(
        (
            "Math.floor = () => 7;",
            "Object.defineProperty(Map.prototype, 'size', { get: () => 9, configurable: true });",
        ),
        marks=pytest.mark.slow,
    ),
    pytest.param(("require('node:fs').readFileSync = () => '';",), marks=pytest.mark.slow),
    pytest.param(("require('node:events').prototype.on = () => null;",), marks=pytest.mark.slow),
]
FAIR = """const fs = require('node:fs'), events = require('node:events');
const fair = [1].includes(2) || ({}).extra || Math.floor(1.5) !== 1 || new Map().size
  || !fs.readFileSync(__filename, 'utf8') || !new events().on('a', () => {}) ? 5 : 0;
"""


@pytest.mark.parametrize("changes", CHANGES)
def test_what_is_built_in_is_put_back(ask: Ask, changes: Sequence[str]) -> None:
    """Else the right candidate would fail, or the unchanged program fail otherwise."""
    source = FAIR + CALC.replace("a - b", "a - b + fair")
    leaves = {change: [SourceEdit(LIB, 0, 0, change + "\n")] for change in changes}
    place = source.index("a - b") + 2
    wrong = [SourceEdit(LIB, place, place + 1, "* 3 *")]
    fix = [SourceEdit(LIB, place, place + 1, "+")]
    found = ask({**leaves, "wrong": wrong, "fix": fix}, **{LIB: source})
    assert (found["fix"].state, found["fix"].mode) == ("passed", "disk")
    assert found["wrong"].mode == "resident"


def test_what_an_earlier_candidate_spoiled_is_noticed(ask: Ask) -> None:
    found = ask({"spoils": [FIRST_LINE], "fix": [FIX]})
    assert found["fix"].state == "passed"
    assert found["spoils"].state == "target_failed"
    assert {one.mode for one in found.values()} == {"disk"}


def test_a_file_that_is_loaded_before_the_turns_is_never_judged_there(ask: Ask) -> None:
    config = 'require: ["./lib/calc.js"]\n'
    found = ask({"wrong": [WRONG], "fix": [FIX]}, **{".mocharc.yml": config})
    assert {name: (one.state, one.mode) for name, one in found.items()} == {
        "wrong": ("target_failed", "disk"),
        "fix": ("passed", "disk"),
    }


@pytest.mark.slow
def test_processes_that_end_before_they_judged_are_given_up(ask: Ask, starts: list[str]) -> None:
    aborts = {f"aborts {n}": [SourceEdit(LIB, 0, 0, "process.abort();\n" * n)] for n in range(1, 8)}
    found = ask(aborts)
    assert {one.mode for one in found.values()} == {"disk"}
    assert len(starts) == MAX_SPOILED


def test_a_test_that_fails_otherwise_each_time_is_run_anew(ask: Ask) -> None:
    odd = "it('adds', () => { throw new Error(require('node:crypto').randomUUID()); });\n"
    found = ask({"wrong": [WRONG]}, **{TEST: HEAD + odd})
    assert found["wrong"].mode == "disk"
