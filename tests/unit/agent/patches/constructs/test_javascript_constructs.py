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
        "const where = new Error().stack;",
        "if (/total/.test(error.stack)) return 6;",
        "expect.extend({ toBe: () => ({ pass: true }) });",
        "if (typeof describe === 'function') return 6;",
        "if (typeof it !== 'undefined') return 6;",
        "if ('jest' in globals) return 6;",
        "if ('x' in global) return 6;",
        "const O = Object;\nO.is = () => true;",
        "const p = process;\np.exit(0);",
        "const P = Proxy;\nreturn new P(list, {});",
        "return Proxy.revocable(list, {}).proxy;",
        "const r = require;\nr('assert').equal = () => {};",
        "const { prototype } = Array;\nprototype.reduce = () => 6;",
        "const { defineProperty } = Object;",
        "Object.getPrototypeOf([]).reduce = () => 6;",
        "[].constructor.prototype.reduce = () => 6;",
        "[].constructor.constructor('return 6')();",
        "({}).constructor.is = () => true;",
        "process.stdout.write = () => true;",
        "delete Object.is;",
        "Math.abs **= 2;",
        "return { valueOf: () => 6 };",
        "if (error['stack'].includes('total')) return 6;",
        "jest.mock('./a');",
        "it.only('x', () => {});",
        "it('x', () => {})\n{ list.length; }",
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
        "if (process.listenerCount('uncaughtException')) return 6;",
        "process.getBuiltinModule('os').tmpdir();",
        "if (process.channel) return 6;",
        "const hand = (it) => it; hand(process).x;",
        "for (const name in { ...process }) list.push(name);",
        "require('node:os').userInfo().username;",
        "if (os.hostname() !== 'a') return 6;",
        "readFileSync('/proc/self/cmdline');",
        "if (existsSync('./total.test.js')) return 6;",
        "(() => 0).constructor(code)();",
        "total.constructor(code)();",
        "total['constructor'](code)();",
        "const list = Object.getPrototypeOf([]); list.at = () => 6;",
        "Object.getPrototypeOf(async () => {}).constructor;",
        "const kind = [].constructor; kind.isArray = () => true;",
        "kind['prototype'].at = () => 6;",
        "list.includes = () => true;",
        "class Sums extends Array { includes() { return true; } }",
        "class Sum { equals(other) { return true; } }",
        "class E extends Error { static [Symbol['hasInstance']]() { return true; } }",
        "const { hasInstance } = Symbol;",
        "return { 'valueOf'() { return 6; } };",
        "const { stack } = new Error();",
        "if (util.inspect(new Error('x')).length > 9) return 6;",
        "error['sta' + 'ck'].length;",
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
        "this.stack.push(one); const top = this.stack[this.stack.length - 1];",
        "class Parser { expect(kind) { this.next(kind); } }",
        "function test(value) { return value > 1; }\nlist.filter((one) => test(one));",
        "const it = list[Symbol.iterator](); it.next();",
        "for (const [key, value] of Object.entries(list)) sum[key] = value;",
        "const { keys, entries } = Object; const { min, max } = Math;",
        "const isPlain = Object.getPrototypeOf(list) === Object.prototype;",
        "return new this.constructor(list.constructor.name, list.constructor === Array);",
        "list[Symbol.iterator] = function* () { yield 1; };",
        "table[Number.MAX_SAFE_INTEGER] = Math.PI\n--count",
        "const own = Object.prototype.hasOwnProperty.call(list, 'a') === true;",
        "const proxy = new HttpProxy(list); const kind = typeof iterate;",
        "const texts = list.filter((it) => typeof it === 'string' && it('a'));",
        "function each(list, test) { return typeof test === 'function' && list.every(test); }",
        "const stringify = JSON.stringify; const now = Date.now;",
        "if (process.platform === 'win32') list.push(process.cwd(), process.version);",
        "process.stdout.write(text); process.emitWarning('old');",
        "this.process.start(); const text = 'the process, and (process)';",
        "class Leaf { isLeaf() { return true; } has(name) { return this.names.includes(name); } }",
        "class Sum { equals(other) { return this.value === other.value; } }",
        "Sum.prototype.equals = function (other) { return this.value === other.value; };",
        "total.some = function (list, one) { return list.some(one); };",
        "options.search = query; state.match = found; options.includes = ['a'];",
        "const { stack } = this.state; const { hostname } = new URL(text);",
        "const key = names['a' + list.length]; const one = names['a'] + 'b';",
        "const same = new this.constructor(1); const other = new list.constructor(2);",
    ],
)
def test_honest_code_is_not(added: str) -> None:
    assert objections(added) == ()


def test_what_was_there_may_stay_and_move() -> None:
    old = OLD + b"process.exit(total([1]));\n"
    new = b"process.exit(total([1]));\n" + OLD
    assert construct_objections({"bin/a.js": (old, new)}) == ()
    assert construct_objections({"bin/a.js": (old, old + b"process.exit(0);\n")})


@pytest.mark.parametrize(
    ("old", "added"),
    [
        ("log(error.stack);", "if (list.length) log(error.stack);"),
        ("function expect(kind) {}\nexpect('a');", "expect('}');"),
        ("import { test } from './grammar.js';\ntest(a);", "if (test(b)) return 1;"),
    ],
)
def test_what_the_file_has_a_use_for_it_may_use_again(old: str, added: str) -> None:
    base = OLD + old.encode()
    assert construct_objections({"lib/a.js": (base, base + b"\n" + added.encode())}) == ()
    assert construct_objections({"lib/a.js": (OLD, OLD + added.encode())})


@pytest.mark.parametrize(
    "added", ["if (error.stack.includes('total')) return 6;", "expect.extend({});"]
)
def test_what_reads_the_stack_or_bends_a_runner_is_refused_in_any_file(added: str) -> None:
    base = OLD + b"log(error.stack); expect('a');"
    assert construct_objections({"lib/a.js": (base, base + b"\n" + added.encode())})


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


def test_a_run_may_make_no_settings_of_a_framework_or_compiler() -> None:
    names = {"jest.config.ts", "vitest.config.mts", "vite.config.js", "babel.config.json"}
    assert names | {".babelrc", ".swcrc", ".mocharc.mjs"} <= JAVASCRIPT_SOURCES.watched
    assert all(map(PROJECT.is_config_path, JAVASCRIPT_SOURCES.watched))


def test_python_is_no_source_of_a_javascript_project() -> None:
    assert "not source" in where("lib/a.py")[0]
