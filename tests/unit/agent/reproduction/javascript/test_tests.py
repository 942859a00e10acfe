"""Test files made of examples in JavaScript."""

from __future__ import annotations

import pytest

from agent.reproduction.javascript.bindings import (
    _EXPORTS,
    _EXPORTS_ONE,
    Binding,
    bindings_of,
    exported,
    module_name,
)
from agent.reproduction.javascript.tests import JavaScriptTests
from sandbox.languages.javascript.detection.project import Framework

BESIDE = "const { total, tax: rate } = require('../lib');\n"
SOURCES = [
    ("lib/total.js", "exports.parse = (t) => t;\nmodule.exports = { total, Box: other };\n"),
    ("src/shop.ts", "export default function shop() {}\nexport class Cart {}\n"),
    ("src/a.js", "export const same = 1;\n"),
    ("src/b.js", "export const same = 2;\n// export const said = 1\n"),
]


def of(framework: Framework = Framework.MOCHA, **more: object) -> JavaScriptTests:
    values = {
        "is_module": False,
        "package": "stock",
        "beside": bindings_of(BESIDE),
        "exports": exported(SOURCES, "test"),
        "main": "../lib/total.js",
        **more,
    }
    return JavaScriptTests(framework=framework, **values)  # type: ignore[arg-type]


def body(tests: JavaScriptTests, code: str, stated: str = "1") -> list[str]:
    """The lines of the only test that is made of some code and what it should give."""
    found = tests.examples(f"```js\n{code} // {stated}\n```")
    assert len(found) == 1
    text, names = tests.test_text(found)
    assert names == ("issue example 1",)
    _, _, inside = text.partition('it("issue example 1", async () => {\n')
    return [line.strip() for line in inside.split("\n") if line.startswith("  ")]


@pytest.mark.parametrize(
    ("code", "load"),
    [
        ("total(1)", "const { total } = require('../lib');"),
        ("const { total } = require('stock'); total(1)", "const { total } = require('../lib');"),
        (
            "import { total as sum } from 'stock'\nsum(1)",
            "const { total: sum } = require('../lib');",
        ),
        ("import * as all from 'stock'\nall.total(1)", "const all = require('../lib/total.js');"),
        (
            "const { parse } = require('./x')\nparse(1)",
            "const { parse } = require('../lib/total.js');",
        ),
        ("new Cart(1).sum()", "const { Cart } = require('../src/shop');"),
        ("shop(1)", "const shop = require('../src/shop');"),
    ],
)
def test_names_come_from_where_the_tests_beside_or_the_project_have_them(
    code: str, load: str
) -> None:
    assert body(of(), code)[0] == load


def test_a_module_imports_inside_the_test() -> None:
    tests = of(Framework.VITEST, is_module=True, beside=bindings_of("import x from '../x';\n"))
    lines = body(tests, "import pkg from 'stock'\nimport { y } from 'other'\npkg(y, x)", "[1]")
    assert lines == [
        "const { default: pkg } = await import('../lib/total.js');",
        "const { y } = await import('other');",
        "const { default: x } = await import('../x');",
        "issueAssert.deepStrictEqual(plain(await (pkg(y, x))), [1]);",
    ]
    text, _ = tests.test_text(tests.examples("`x(1)` should be `1`"))
    assert "import { it } from 'vitest';" in text


def test_each_framework_has_its_own_head() -> None:
    heads = {one: of(one).test_text(())[0] for one in Framework}
    assert "const { it } = require('node:test');" in heads[Framework.NODE_TEST]
    assert "{ it }" not in heads[Framework.MOCHA] + heads[Framework.JEST]


@pytest.mark.parametrize(
    "text",
    [
        "```js\nunknown(1) // 2\n```",
        "```js\nrequire('lodash').total(1) // 2\n```",
        "```js\nconst total = () => 1; total(1) // 2\n```",
        "```js\nit('x', () => { expect(total(1)).toBe(2); });\n```",
        "```js\nobject.total(1) // 2\n```",
        "```js\n'total' // 'x'\n```",
    ],
)
def test_what_uses_nothing_of_the_project_is_no_test(text: str) -> None:
    assert of().examples(text) == []


def test_an_error_that_should_come_and_output() -> None:
    assert body(of(), "total('')", "should throw RangeError")[1:] == [
        "await issueAssert.rejects(async () => {",
        "await (total(''));",
        '}, (error) => [error.name, error.constructor.name].includes("RangeError"));',
    ]
    assert body(of(), "console.log(total(1), 2)", "'1'  2")[1] == (
        "issueAssert.strictEqual(format(total(1), 2).replace(/\\s+/g, ' ').trim(), \"'1' 2\");"
    )


def test_what_a_file_takes_from_others() -> None:
    text = (
        "import a, { b as c,\n  type T } from './m.js';\nimport * as d from 'd';\n"
        "var e = require('..')\n  , f = require('f').g;\nimport type { H } from './h';\n"
    )
    assert bindings_of(text) == {
        "a": Binding(local="a", module="./m.js", imported="default"),
        "c": Binding(local="c", module="./m.js", imported="b"),
        "d": Binding(local="d", module="d", imported="*"),
        "e": Binding(local="e", module="..", imported="*"),
        "f": Binding(local="f", module="f", imported="g"),
    }


def test_what_one_file_alone_exports() -> None:
    found = exported(SOURCES, "test")
    assert set(found) == {"parse", "total", "Box", "shop", "Cart"}
    assert found["shop"].imported == "default"
    assert module_name("src/a.mts", "src") == "./a"
    assert module_name("a.js", "") == "./a.js"


@pytest.mark.parametrize(
    "text",
    [
        "import " + " " * 60_000 + "x",
        "import a," + "a," * 60_000,
        "export default" + " " * 100_000 + "(",
        "export function" + " " * 100_000 + "(",
    ],
)
def test_long_blanks_in_anybodys_text_take_no_time(text: str) -> None:
    """Read to the end from each of them, this takes hours."""
    assert bindings_of(text * 3) == {}
    assert not list(_EXPORTS.finditer(text))
    assert not list(_EXPORTS_ONE.finditer(text))
