"""What the text of an issue in JavaScript holds that can be run."""

from __future__ import annotations

import pytest

from agent.reproduction.examples import Claim
from agent.reproduction.javascript.issue_examples import examples
from agent.reproduction.javascript.literals import is_literal
from agent.reproduction.javascript.statements import statements


@pytest.mark.parametrize(
    "text",
    [
        *("1", "-1.5e3", "10n", "0xff", "NaN", "-Infinity", "null", "undefined", "true", "'a\\'b'"),
        *('"x"', "`x`", "[]", "[1, [2, 'a,b'],]", "{}", "{ a: 1, 'b c': [null], 3: {} }", " 7 "),
    ],
)
def test_what_is_a_literal(text: str) -> None:
    assert is_literal(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "a", "1 2", "[1", "{a}", "{ a: b }", "f(1)", "[1]]", "`${x}`", "1.2.3", "'a\nb'"),
        *("[" * 500, "{a:" * 500, "Map { 1 => 2 }", "x" * 3_000),
    ],
)
def test_what_is_none(text: str) -> None:
    assert not is_literal(text)


def test_statements_end_where_a_line_cannot_go_on() -> None:
    text = "const a = [1, // one\n  2];\nf(a)\n  .then('; x')\n// 3\n\n// of g\ng(`;\n`); h()"
    found = [(one.text, one.comment) for one in statements(text)]
    assert found == [
        ("const a = [1, // one\n  2]", ""),
        ("f(a)\n  .then('; x')", "3"),
        ("g(`;\n`)", ""),
        ("h()", ""),
    ]
    assert statements("f)") == statements("f(1") == []


@pytest.mark.parametrize(
    ("text", "claim", "code", "stated"),
    [
        ("```js\nconsole.log(f(1)); // 2\n```", Claim.VALUE, "f(1)", "2"),
        ("```js\nconsole.log(f(1))\n// => [1, 'a']\n```", Claim.VALUE, "f(1)", "[1, 'a']"),
        ("```\nf(1) // expected 3, got 2\n```", Claim.VALUE, "f(1)", "3"),
        ("```js\nconsole.log(f(1), 'x') // 2 x\n```", Claim.OUTPUT, "f(1), 'x'", "2 x"),
        ("```js\nconsole.log(f(1)) // hello\n```", Claim.OUTPUT, "f(1)", "hello"),
        ("```ts\nf(1)\n```\nIt should return `4`.", Claim.VALUE, "f(1)", "4"),
        ("```js\nf(0)\n```\nIt should throw `RangeError`.", Claim.RAISES, "f(0)", "RangeError"),
        ("```js\nf(0)\n```\n```\nTypeError: no\n  at f\n```", Claim.NO_ERROR, "f(0)", "TypeError"),
        ("```js\nf(0)\n```\nExpected:\n```\n7\n```", Claim.VALUE, "f(0)", "7"),
        ("```js\nassert.equal(f(1), 2)\n```", Claim.HOLDS, "assert.equal(f(1), 2)", ""),
        ("```\n> f(1)\n2\n```", Claim.VALUE, "f(1)", "2"),
        ("```\n> f(1)\nUncaught TypeError: x\n```", Claim.NO_ERROR, "f(1)", "TypeError"),
        ("Expected:\n```\n> f(1)\nTypeError: x\n```", Claim.RAISES, "f(1)", "TypeError"),
        ("`f('a')` should return `'b'`, it is `'c'`.", Claim.VALUE, "f('a')", "'b'"),
    ],
)
def test_what_an_issue_states(text: str, claim: Claim, code: str, stated: str) -> None:
    (found,) = examples(text.replace("\n", "\r\n"))
    assert (found.claim, found.code, found.stated) == (claim, code, stated)


@pytest.mark.parametrize(
    "text",
    [
        "f(1) is broken",
        "```js\nf(1)\n```\nis broken",
        "```js\nf(1) // this is odd\n```",
        "```python\nf(1)  # 2\n```",
        "```js\nbad(\n```\nshould return `1`",
        "`value` should be `1`",
        "```js\nconst a = 1 // 2\n```",
        "```js\n" + "f(" * 30_000 + "\n```",
    ],
)
def test_what_states_nothing_that_can_be_run(text: str) -> None:
    assert examples(text) == []


def test_what_comes_before_an_example_is_its_set_up_without_what_only_prints() -> None:
    text = "```js\nconst a = g();\nconsole.log('hi');\na.push(1);\nf(a) // 2\n```"
    assert examples(text)[0].setup == "const a = g();\na.push(1);\n"
