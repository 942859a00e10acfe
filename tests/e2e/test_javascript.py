"""Whole repairs of JavaScript with a scripted model: real sandbox, real tests, real verdict."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from agent.records import Status
from agent.runs.result_file import read_evidence
from agent.runs.verification_terms import Terms
from agent.verify import verify
from tests.support.agentic_case import SUBMIT, TESTS, Workshop, bash, edit, turn
from tests.support.language_case import has_node

pytestmark = pytest.mark.skipif(
    shutil.which("bwrap") is None or not has_node(), reason="bubblewrap or Node is missing"
)

TOTAL = {
    "package.json": '{"name": "stock", "scripts": {"test": "node --test"}}\n',
    "lib/total.js": """'use strict';

function total(amounts) {
  let sum = 0;
  for (let i = 1; i < amounts.length; i += 1) sum += amounts[i];
  return sum;
}

module.exports = { total };
""",
    "test/total.test.js": """const { describe, it } = require('node:test');
const assert = require('node:assert');
const { total } = require('../lib/total');

describe('total', () => {
  it('adds "all" amounts', () => { assert.strictEqual(total([1, 2, 3]), 6); });
  it('is 0 for none', () => { assert.strictEqual(total([]), 0); });
});
""",
}
TYPED = {
    "package.json": '{"name": "stock", "type": "module", "scripts": {"test": "vitest"},'
    ' "devDependencies": {"vitest": "3.2.4"}}\n',
    "src/total.ts": """export function total(amounts: readonly number[]): number {
  return amounts.reduce((sum, amount) => sum - amount, 0);
}
""",
    "src/total.test.ts": """import { describe, expect, it } from 'vitest';
import { total } from './total';

describe('total > sum', () => {
  it('adds all', () => { expect(total([1, 2, 3])).toBe(6); });
  it('is 0 for none', () => { expect(total([])).toBe(0); });
});
""",
}
TYPED_FIX = edit("src/total.ts", "sum - amount", "sum + amount")
FAILING = 'test/total.test.js::total::adds "all" amounts'
FIX = edit("lib/total.js", "let i = 1;", "let i = 0;")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def shop(tmp_path: Path, cache: Path) -> Workshop:
    return Workshop(tmp_path, cache)


@pytest.mark.slow
def test_a_fault_is_repaired(shop: Workshop) -> None:
    done = shop.repair(turn(FIX), turn(TESTS), turn(SUBMIT), files=TOTAL)
    assert done.result.status is Status.PLAUSIBLE, done.result.reason
    assert "+  for (let i = 0;" in done.diff
    patch = done.result.patch
    assert patch is not None
    assert patch.verdict.fail_to_pass == {FAILING: "passed"}
    assert any("no second opinion" in sentence for sentence in patch.verdict.unchecked)
    assert "fewer layers" in done.result.reason
    evidence = read_evidence(done.folder.result)
    assert evidence.runner == "node:test"


@pytest.mark.slow
def test_a_patch_is_judged_in_its_own_language(shop: Workshop) -> None:
    """Beside tests in Python, which come first where nothing is said."""
    python = {"calc.py": "ONE = 1\n", "test_calc.py": "def test_one(): pass\n"}
    done = shop.repair(turn(FIX), turn(SUBMIT), files={**TOTAL, **python}, only=(FAILING,))
    assert done.result.status is Status.PLAUSIBLE, done.result.reason
    terms = Terms(target=done.folder.load_job().target, sandbox="bubblewrap")
    again = verify(done.folder.result, terms, shop.settings, lambda _: None).verdict
    assert again.plausible, again.objections
    assert again.fail_to_pass == {FAILING: "passed"}


@pytest.mark.nightly
def test_a_fault_in_typescript_is_repaired(shop: Workshop) -> None:
    """vitest, which is installed from the registry, runs sources that no command compiles."""
    done = shop.repair(turn(TYPED_FIX), turn(TESTS), turn(SUBMIT), files=TYPED)
    assert done.result.status is Status.PLAUSIBLE, done.result.reason
    assert "+  return amounts.reduce((sum, amount) => sum + amount, 0);" in done.diff
    patch = done.result.patch
    assert patch is not None
    assert set(patch.verdict.fail_to_pass) == {"src/total.test.ts::total > sum::adds all"}


@pytest.mark.nightly
def test_what_the_tests_are_made_of_is_not_changed(shop: Workshop) -> None:
    done = shop.repair(
        turn(edit("test/total.test.js", "6", "5")),
        turn(bash("echo '{}' >package.json")),
        turn(edit("lib/total.js", "return sum;", "return eval('sum') + (amounts[0] || 0);")),
        turn(SUBMIT),
        turn(edit("lib/total.js", "eval('sum')", "sum")),
        turn(SUBMIT),
        files=TOTAL,
    )
    refused, taken_back, *_ = done.answers()
    assert "it is a test" in refused
    assert "package.json" in taken_back
    assert not done.verdicts[0].plausible
    assert "makes code from text" in done.verdicts[0].objections[0]
    assert done.verdicts[1].plausible
    assert "package.json" not in done.diff


@pytest.mark.slow
def test_without_a_model_the_search_repairs_it(shop: Workshop) -> None:
    done = shop.repair(files=TOTAL, max_candidates=30)
    assert done.result.status is Status.PLAUSIBLE, done.result.reason
    assert "+  for (let i = 0;" in done.diff
    assert done.result.patch is not None
    assert done.result.patch.candidate.operator == "javascript.number"


ISSUE = """
The first amount is lost.

```js
const { total } = require('stock');
console.log(total([1, 2, 3])); // 6
```
"""


@pytest.mark.slow
def test_an_issue_without_a_failing_test_becomes_one(shop: Workshop) -> None:
    """Its example runs in the project's own framework, is held to as the project's tests are, and
    is no part of the patch."""
    test = TOTAL["test/total.test.js"]
    row = next(line for line in test.split("\n") if "adds" in line)
    files = {**TOTAL, "test/total.test.js": test.replace(f"{row}\n", "")}
    done = shop.repair(turn(FIX), turn(TESTS), turn(SUBMIT), files=files, issue=ISSUE)
    assert done.result.status is Status.PLAUSIBLE, done.result.reason
    (made,) = done.result.generated_tests
    assert made.path.startswith("test/issue")
    assert made.path.endswith(".test.js")
    assert made.claims == ("`total([1, 2, 3])` gives `6`",)
    assert "+  for (let i = 0;" in done.diff
    assert made.path not in done.diff
    assert done.result.patch is not None
    assert list(done.result.patch.verdict.fail_to_pass) == [f"{made.path}::issue example 1"]


def test_what_no_small_edit_mends_is_told(shop: Workshop) -> None:
    files = {**TOTAL, "lib/total.js": "'use strict';\n\nmodule.exports = { total() {} };\n"}
    done = shop.repair(files=files, max_candidates=100)
    assert done.result.status is Status.NOT_REPAIRED
    assert "small edit" in done.result.reason
    assert done.result.baseline is not None
    assert set(done.result.baseline.failing) == {
        FAILING,
        FAILING.replace('adds "all" amounts', "is 0 for none"),
    }


def test_a_framework_that_cannot_be_run_is_named(shop: Workshop) -> None:
    package = '{"scripts": {"test": "ava"}}'
    done = shop.repair(files={**TOTAL, "package.json": package})
    assert done.result.status is Status.NO_TESTS
    assert "its tests are run by ava" in done.result.reason
