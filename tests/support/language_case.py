"""One small project in every language and framework, for what all their runners owe."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.base import Limits, Session
from sandbox.engines.choose import AnySandbox
from sandbox.languages.base import Canary, SessionSetup
from sandbox.languages.choose import AnyProject, language_of, understand
from sandbox.languages.go.environments.toolchain import go_of_this_machine
from sandbox.languages.rust.environments.toolchain import rust_of_this_machine
from sandbox.runners.base import TestReport, TestRunner
from sandbox.snapshots.snapshot import Snapshot
from tests.support.snapshot_case import snapshot_of

EVENT = '{\\"event\\": \\"finished\\", \\"kind\\": \\"end\\"}'
ODD = "gibt \\\"Anführung\\\" und 'ß' #1"
"""A name with spaces, quotes and letters, as a text of the language."""


@dataclass(frozen=True, kw_only=True)
class LanguageCase:
    """Files of one language with tests of every kind; `ids` names them alike."""

    name: str
    files: Mapping[str, str]
    ids: Mapping[str, str]
    """`passes`, `fails`, `skipped`, `odd`, `nested`, `exits`, `hangs`, `last` → test id."""
    test_file: str
    broken_file: str
    """With a test file that cannot be loaded."""
    suites: tuple[str, ...] = ()
    """What tests lie in, where that has an outcome, too."""
    exception: str = "AssertionError"
    """By which `fails` fails; empty where the language has none."""


PYTHON = LanguageCase(
    name="pytest",
    files={
        "calc.py": "def add(a, b):\n    return a - b\n",
        "tests/test_all.py": f'''
import os, unittest
import pytest
from calc import add

def test_passes(): print("{EVENT}")
def test_fails(): assert add(1, 2) == 3
@pytest.mark.skip(reason="why")
def test_skipped(): pass
@pytest.mark.parametrize("text", ["{ODD}"])
def test_odd(text): pass
class TestNested:
    def test_deep(self): pass
def test_exits(): os._exit(0)
def test_hangs():
    while True: pass
def test_last(): pass
''',
        "tests/test_broken.py": "def test_x(:\n",
    },
    ids={
        **{
            name: f"tests/test_all.py::test_{name}"
            for name in ("passes", "fails", "skipped", "exits", "hangs", "last")
        },
        "odd": "tests/test_all.py::test_odd[gibt \"Anf\\xfchrung\" und '\\xdf' #1]",
        "nested": "tests/test_all.py::TestNested::test_deep",
    },
    test_file="tests/test_all.py",
    broken_file="tests/test_broken.py",
)
_TESTS = f"""
it('passes', () => {{ console.log("{EVENT}"); }});
it('fails', () => {{ strictEqual(add(1, 2), 3); }});
it.skip('skipped', () => {{}});
it("{ODD}", () => {{}});
describe('suite', () => {{ it('deep', async () => {{}}); }});
it('exits', () => {{ process.exit(0); }});
it('hangs', () => {{ for (;;) {{}} }});
it('last', () => {{}});
"""
_JAVASCRIPT = f"""
const {{ strictEqual }} = require('node:assert');
const {{ add }} = require('../lib/calc');
{_TESTS}"""


def _javascript(name: str, package: str, head: str) -> LanguageCase:
    file = "test/all.test.js"
    names = ("passes", "fails", "skipped", "exits", "hangs", "last")
    return LanguageCase(
        name=name,
        files={
            "package.json": package,
            "lib/calc.js": "exports.add = (a, b) => a - b;\n",
            file: head + _JAVASCRIPT,
            "test/broken.test.js": head + "it('x', ( => {});\n",
        },
        ids={
            **{one: f"{file}::{one}" for one in names},
            "odd": f"{file}::gibt \"Anführung\" und 'ß' #1",
            "nested": f"{file}::suite::deep",
        },
        test_file=file,
        broken_file="test/broken.test.js",
    )


NODE_TEST = _javascript(
    "node:test",
    '{"name": "calc", "scripts": {"test": "node --test"}}',
    "const { describe, it } = require('node:test');\n",
)
MOCHA = _javascript(
    "mocha",
    '{"name": "calc", "scripts": {"test": "nyc mocha --watch"},'
    ' "devDependencies": {"mocha": "10.8.2"}}',
    "",
)
JEST = _javascript(
    "jest",
    '{"name": "calc", "scripts": {"test": "jest --watch --coverage"},'
    ' "devDependencies": {"jest": "29.7.0"}}',
    "",
)
_VITEST_HEAD = "import { describe, it } from 'vitest';\n"
VITEST = LanguageCase(
    name="vitest",
    files={
        "package.json": '{"name": "calc", "scripts": {"test": "vitest --coverage"},'
        ' "devDependencies": {"vitest": "3.2.4"}}',
        "lib/calc.ts": """
interface Pair { a: number; b: number }

export function add(a: Pair['a'], b: Pair['b']): number { return a - b; }
""",
        "test/all.test.ts": _VITEST_HEAD
        + """
import { strictEqual } from 'node:assert';
import { add } from '../lib/calc';

interface Case { name: string }
"""
        + _TESTS,
        "test/broken.test.ts": _VITEST_HEAD + "it('x', ( => {});\n",
        "vitest.config.ts": "import { defineConfig } from 'vitest/config';\n"
        "export default defineConfig({ test: { watch: true, testTimeout: 300 } });\n",
    },
    ids={name: test_id.replace("all.test.js", "all.test.ts") for name, test_id in JEST.ids.items()},
    test_file="test/all.test.ts",
    broken_file="test/broken.test.ts",
)
"""In TypeScript, with settings that are a program, too."""


GO = LanguageCase(
    name="go test",
    files={
        "go.mod": "module example.com/calc\n\ngo 1.20\n",
        "calc.go": "package calc\n\nfunc Add(a, b int) int { return a - b }\n",
        "calc_test.go": f"""package calc

import (
	"fmt"
	"os"
	"testing"
)

func TestPasses(t *testing.T) {{ fmt.Println("{EVENT}") }}
func TestFails(t *testing.T) {{
	if sum := Add(1, 2); sum != 3 {{
		t.Errorf("Add(1, 2) = %d, want 3", sum)
	}}
}}
func TestSkipped(t *testing.T) {{ t.Skip("why") }}
func TestOdd(t *testing.T) {{ t.Run("{ODD}", func(t *testing.T) {{}}) }}
func TestNested(t *testing.T) {{ t.Run("deep", func(t *testing.T) {{ t.Parallel() }}) }}
func TestExits(t *testing.T) {{ os.Exit(0) }}
func TestHangs(t *testing.T) {{
	for {{
	}}
}}
func TestLast(t *testing.T) {{}}
""",
        "broken/broken_test.go": "package broken\n\nfunc TestX(t *testing.T {}\n",
    },
    ids={
        **{
            name: f"calc_test.go::Test{name.capitalize()}"
            for name in ("passes", "fails", "skipped", "exits", "hangs", "last")
        },
        "odd": "calc_test.go::TestOdd/gibt_\"Anführung\"_und_'ß'_#1",
        "nested": "calc_test.go::TestNested/deep",
    },
    suites=("calc_test.go::TestOdd", "calc_test.go::TestNested"),
    test_file="calc_test.go",
    broken_file="broken/broken_test.go",
    exception="",
)

RUST = LanguageCase(
    name="cargo test",
    files={
        "Cargo.toml": '[package]\nname = "calc"\nversion = "0.1.0"\nedition = "2021"\n',
        "src/calc.rs": "pub fn add(a: i32, b: i32) -> i32 { a - b }\n",
        "tests/all.rs": f"""#[path = "../src/calc.rs"]
mod calc;

use calc::add;

#[test]
fn passes() {{
    use std::io::Write;
    let mut output = std::io::stdout();
    writeln!(output, "{EVENT.replace("{", "{{").replace("}", "}}")}").unwrap();
    writeln!(output, "test fails ... ok\\n\\ntest result: ok. 1 passed").unwrap();
}}
#[test]
fn fails() {{ assert_eq!(add(1, 2), 3); }}
#[test]
#[ignore = "why"]
fn skipped() {{}}
#[test]
fn odd_größe_ß() {{}}
mod suite {{
    #[test]
    fn deep() {{}}
}}
#[test]
fn exits() {{ std::process::exit(0); }}
#[test]
fn hangs() {{ loop {{}} }}
#[test]
fn last() {{}}
""",
        "tests/broken.rs": "#[test]\nfn x( {}\n",
    },
    ids={
        **{
            name: f"tests/all.rs::{name}"
            for name in ("passes", "fails", "skipped", "exits", "hangs", "last")
        },
        "odd": "tests/all.rs::odd_größe_ß",
        "nested": "tests/all.rs::suite::deep",
    },
    test_file="tests/all.rs",
    broken_file="tests/broken.rs",
    exception="panic",
)


@dataclass(frozen=True)
class Opened:
    """A case with its environment in a sandbox."""

    case: LanguageCase
    sandbox: AnySandbox
    project: AnyProject
    snapshot: Snapshot
    built: SessionSetup

    @property
    def runner(self) -> TestRunner:
        return language_of(self.project).runner(self.project, self.built.environment)

    def session(self) -> Session:
        return self.sandbox.open(self.built.environment, self.built.source, Limits())

    def run(
        self,
        tests: Sequence[str] | None = None,
        *,
        files: Mapping[str, str | bytes] | None = None,
        test_seconds: float = 1.0,
    ) -> TestReport:
        """The report of a run in a fresh session, with these files written into it."""
        with self.session() as session:
            for path, text in (files or {}).items():
                session.write(path, text if isinstance(text, bytes) else text.encode())
            return self.runner.run(
                session, tests, timeout_seconds=100, test_timeout_seconds=test_seconds
            )

    def canary(self) -> Canary:
        path = self.case.test_file
        content = self.snapshot.read(path)
        like = self.case.ids["passes"]
        return language_of(self.project).canary(self.project, path, content, like)


def opened(case: LanguageCase, sandbox: AnySandbox, scratch: Path) -> Opened:
    """Detect, install and open a case, as a repair does."""
    snapshot = snapshot_of(scratch, case.files)
    project = understand(snapshot)
    built = language_of(project).prepare(sandbox, project, snapshot, lambda _: None)
    return Opened(case, sandbox, project, snapshot, built)


def lacks(case: LanguageCase) -> str:
    """Why a case cannot be run on this machine; empty where it can."""
    if case is GO:
        return "" if go_of_this_machine() else "there is no Go on this machine"
    if case is RUST:
        return "" if rust_of_this_machine() else "there is no Rust on this machine"
    return "" if case is PYTHON or has_node() else "there is no Node on this machine"


def has_node() -> bool:
    """Whether this machine has what JavaScript needs, where a sandbox sees it."""
    return shutil.which("node", path="/usr/local/bin:/usr/bin:/bin") is not None
