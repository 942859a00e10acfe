"""Which lines of the project each test runs, by V8's counters, in a real sandbox."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from sandbox.engines.choose import AnySandbox
from sandbox.languages.coverage import CoverageReport
from sandbox.languages.javascript.runners.runner import JavaScriptRunner
from tests.support.language_case import (
    JEST,
    MOCHA,
    NODE_TEST,
    VITEST,
    LanguageCase,
    has_node,
    opened,
)

pytestmark = pytest.mark.skipif(not has_node(), reason="there is no Node on this machine")

FILE, LIB = "test/a.test.js", "lib/calc.js"
CALC = """// A line without code.
const LIMIT = 10;

exports.sign = (a) => {
  if (a < 0) {
    return -1;
  }
  return a > LIMIT ? 2 : 1;
};

exports.never = () => {
  return LIMIT;
};
"""
TESTS = """
const { strictEqual } = require('node:assert');
const { sign } = require('../lib/calc');
it('negative', () => { strictEqual(sign(-2), -1); });
it('positive', () => { strictEqual(sign(2), 0); });
"""
NEGATIVE, POSITIVE = f"{FILE}::negative", f"{FILE}::positive"
VITEST_HEAD = "import { it } from 'vitest';\n"
NODE_HEAD = "const { it } = require('node:test');\n"

Record = Callable[[LanguageCase, Mapping[str, str]], CoverageReport]


@pytest.fixture
def record(need_sandbox: Callable[[str], AnySandbox], tmp_path: Path) -> Record:
    def lines(framework: LanguageCase, files: Mapping[str, str]) -> CoverageReport:
        everything = {"package.json": framework.files["package.json"], LIB: CALC, **files}
        case = LanguageCase(name="own", files=everything, ids={}, test_file="", broken_file="")
        made = opened(case, need_sandbox("bubblewrap"), tmp_path)
        assert isinstance(made.runner, JavaScriptRunner)
        assert made.runner.records_lines
        with made.session() as session:
            return made.runner.lines(
                session, [NEGATIVE, POSITIVE], timeout_seconds=60, test_timeout_seconds=10
            )

    return lines


@pytest.mark.parametrize(
    ("framework", "head"),
    [
        (MOCHA, ""),
        (JEST, ""),
        (NODE_TEST, NODE_HEAD),
        pytest.param(VITEST, VITEST_HEAD, marks=pytest.mark.nightly),
    ],
    ids=["mocha", "jest", "node:test", "vitest"],
)
def test_each_test_has_the_lines_that_it_ran(
    record: Record, framework: LanguageCase, head: str
) -> None:
    recorded = record(framework, {FILE: head + TESTS})
    assert {t: r.outcome.value for t, r in recorded.report.results.items()} == {
        NEGATIVE: "passed",
        POSITIVE: "failed",
    }
    assert {test_id: recorded.lines[test_id][LIB] for test_id in (NEGATIVE, POSITIVE)} == {
        NEGATIVE: {5, 6},
        POSITIVE: {5, 8},
    }
    assert recorded.imported[LIB] >= {2, 4, 11}
    assert 12 not in recorded.imported[LIB]


@pytest.mark.nightly
def test_a_file_of_one_function_in_typescript(record: Record) -> None:
    """All that runs of it is in the function; nothing else of it is left when it is translated."""
    source = "interface Shape {\n  size: number;\n}\n\n"
    source += "export function sign(of: Shape): number {\n  return of.size;\n}\n"
    tests = "import { expect, it } from 'vitest';\nimport { sign } from '../lib/calc.ts';\n"
    tests += (
        "it('negative', () => { expect(sign({ size: 1 })).toBe(1); });\nit('positive', () => {});\n"
    )
    recorded = record(VITEST, {FILE: tests, "lib/calc.ts": source})
    assert recorded.lines[NEGATIVE]["lib/calc.ts"] == {5, 6}
    assert "lib/calc.ts" not in recorded.lines[POSITIVE]


def test_what_is_translated_is_told_by_its_own_lines(record: Record) -> None:
    # Each line of what runs stands two lines further down in what a person wrote.
    source_map = {
        "version": 3,
        "sources": ["calc.js"],
        "names": [],
        "mappings": "AAEA;" + "AACA;" * 12,
    }
    text = base64.b64encode(json.dumps(source_map).encode()).decode()
    url = f"//# sourceMappingURL=data:application/json;charset=utf-8;base64,{text}\n"
    recorded = record(MOCHA, {FILE: TESTS, LIB: CALC + url})
    assert recorded.lines[NEGATIVE][LIB] == {7, 8}
