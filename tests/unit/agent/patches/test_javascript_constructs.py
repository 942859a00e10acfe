"""What a patch of JavaScript may not bring, and what it may."""

from __future__ import annotations

import pytest

from agent.patches.path_rules import JAVASCRIPT_SOURCES, construct_objections, path_objections
from sandbox.languages.javascript.detection.project import Framework, JavaScriptProject

OLD = b"""'use strict';
const { readFileSync } = require('node:fs');
function total(list) {
  return list.reduce((sum, one) => sum + one, 1);
}
exports.total = total;
"""


def objections(added: str) -> tuple[str, ...]:
    return construct_objections({"lib/total.js": (OLD, OLD + added.encode() + b"\n")})


@pytest.mark.parametrize(
    "added",
    [
        "process.exit(0);",
        "process['exit'](0);",
        "process?.exit(0);",
        "process?.['exit'](0);",
        "const { exit } = process;",
        "if (process?.env.CI) return 6;",
        "const open = /[/*]/; process.exit(0); const close = /[*/]/;",
        "const slashes = /[//]/; process.exit(0);",
        "process.on('exit', () => { process.exitCode = 0; });",
        "if (process.env.NODE_ENV === 'test') return 6;",
        "const { mock } = require('node:test');",
        "import { it } from 'mocha';",
        "require('assert').strictEqual = () => {};",
        "const a = require('node:assert');",
        "delete require.cache[require.resolve('./a')];",
        "const name = 'fs'; require(name);",
        "import(name);",
        "eval('1');",
        "new Function('return this')();",
        "globalThis.it = () => {};",
        "global.describe = () => {};",
        "Object.prototype.total = 6;",
        "Array.prototype.reduce = () => 6;",
        "JSON.stringify = () => '';",
        "list.__proto__ = null;",
        "Object.setPrototypeOf(list, null);",
        "return { asymmetricMatch: () => true };",
        "return { [Symbol.toPrimitive]: () => 6 };",
        "return { valueOf() { return 6; } };",
        "if (new Error().stack.includes('total.test')) return 6;",
        "Error.prepareStackTrace = (_, frames) => frames;",
        "describe('x', () => {});",
        "const { execSync } = require('child_process');",
        "pr\\u006fcess.x;",
        "require('node:te' + 'st').mock;",
        "import('node:te' + 'st');",
        "require(`node:te${'st'}`).mock;",
        "[].filter.constructor('return process')().exit;",
        "Object.defineProperty(Object, 'is', { value: () => true });",
        "Object.assign(Array.prototype, { includes: () => true });",
        "Reflect.set(Array.prototype, 'at', () => 6);",
        "require('node:events').prototype.emit = () => true;",
        "const x = '\u202e';",
    ],
)
def test_what_could_steer_the_tests_is_refused(added: str) -> None:
    assert objections(added), added


@pytest.mark.parametrize(
    "added",
    [
        "exports.mean = (list) => total(list) / list.length;",
        "module.exports.first = (list) => list?.[0] ?? null;",
        "const { join } = require('node:path');",
        "import { join } from 'node:path';",
        "class Shelf { get(name) { return this.items.get(name); } }",
        "// process.exit(0) would end it",
        "/* eval('1') */",
        "const url = 'http://a/b'; // process.exit(0) is not called",
        "sum = one / 2; /* half */\nsum += 1; // process.exit(0)",
        "const { exit } = process(list); process(list).exit;",
        "if (!Array.isArray(list)) throw new TypeError('no list');",
        "const text = `${list.length} of ${total(list)}`;",
        "list.prototype; Shelf.prototype.total = function () { return total(this.items); };",
        "Object.assign({}, { a: 1 }); Math.max(1, 2); JSON.parse('{}');",
        "const latest = edit(items); unit(1); item.test(2); /a/.test('a');",
        "const shop = require('./shop'); import('./late.js').then((late) => late.run());",
        "const shop = require(`./shop`);",
        "Object.defineProperty(module.exports, 'total', { get: () => total });",
        "Object.assign(this, { a: 1 }); Object.defineProperty(exports, 'b', { value: 1 });",
        "const on = require('node:events').once; class A { constructor(name = 'a') {} }",
        "for (const [key, value] of Object.entries(list)) sum[key] = value;",
    ],
)
def test_honest_code_is_not(added: str) -> None:
    assert objections(added) == ()


def test_what_was_there_may_stay_and_move() -> None:
    old = OLD + b"process.exit(total([1]));\n"
    new = b"process.exit(total([1]));\n" + OLD
    assert construct_objections({"bin/a.js": (old, new)}) == ()
    assert construct_objections({"bin/a.js": (old, old + b"process.exit(0);\n")})


PROJECT = JavaScriptProject(name="calc", framework=Framework.MOCHA)
PATHS = ("package.json", "lib/total.js", "lib/shelf/index.js", "test/a.js", "README.md")


def where(path: str, old: bytes | None = None) -> tuple[str, ...]:
    return path_objections(
        {path: (old, OLD)}, rules=PROJECT, base_paths=PATHS, sources=JAVASCRIPT_SOURCES
    )


def test_which_files_may_be_changed() -> None:
    assert where("lib/total.js", OLD + b"\n") == ()
    assert where("lib/random.js") == ()
    assert where("lib/json.mjs") == ()
    for path in ("package.json", "test/a.js", "README.md"):
        assert where(path, b"old"), path
    assert "hides" in where("lib/shelf.js")[0]
    assert "hides" in where("lib/total/index.js")[0]
    assert "hides" in where("lib/total.cjs")[0]
    assert where("node_modules/a/index.js")
    assert where("test/b.js")


def test_python_is_no_source_of_a_javascript_project() -> None:
    assert "not source" in where("lib/a.py")[0]
