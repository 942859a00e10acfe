"""The catalogue: what each family makes of small programs, exactly."""

from __future__ import annotations

import pytest

from agent.proposers.search.catalogue import candidates, combine
from agent.proposers.search.ingredients.project_context import ProjectContext
from agent.source.module import Module
from sandbox.source import apply_edits


def results(
    text: str, line: int, *, tests: tuple[str, ...] = (), message: str = ""
) -> dict[str, str]:
    """Resulting source → operator, for the edits of one line."""
    module = Module.parse("program.py", text)
    context = ProjectContext.build({"program.py": module}, tests, message)
    found: dict[str, str] = {}
    for candidate in candidates(module, [line], context=context):
        changed = apply_edits(text, candidate.edits)
        assert changed not in found, candidate.description
        assert 0.0 < candidate.score <= 1.0
        compile(changed, "program.py", "exec")
        found[changed] = candidate.operator
    return found


def f(body: str, parameters: str = "a, b, n, xs") -> str:
    rows = "".join(f"    {row}\n" for row in body.split("\n"))
    return f"def f({parameters}):\n{rows}"


EDITS = [
    ("if a < b:\n    n = 1\nreturn n", 2, "if a < b", "if a <= b", "comparison.boundary"),
    ("return a == b", 2, "a == b", "a != b", "comparison.negate"),
    ("return a < b", 2, "a < b", "a + 1 < b", "comparison.shift"),
    ("return a - b", 2, "a - b", "a + b", "arithmetic.operator"),
    ("return a / b", 2, "a / b", "a // b", "arithmetic.operator"),
    ("return a - b", 2, "a - b", "b - a", "arithmetic.swap"),
    ("return (a + b) // 2", 2, "(a + b) // 2", "a + (b // 2)", "arithmetic.group"),
    ("n += a\nreturn n", 2, "n += a", "n -= a", "arithmetic.augmented"),
    ("if a and b:\n    n = 1\nreturn n", 2, "a and b", "a or b", "boolean.operator"),
    ("if a and b:\n    n = 1\nreturn n", 2, "if a and b", "if b", "condition.drop"),
    ("if f(a):\n    n = 1\nreturn n", 2, "if f(a)", "if not f(a)", "condition.negate"),
    ("if a:\n    n = 1\nreturn n", 2, "if a", "if False", "condition.force"),
    ("return a * 2", 2, "2", "3", "constant.step"),
    ("return f(a, b, True)", 2, "True", "False", "constant.truth"),
    ("return xs[n]", 2, "xs[n]", "xs[n - 1]", "index.step"),
    ("return xs[n:]", 2, "xs[n:]", "xs[n + 1:]", "slice.step"),
    ("return xs[:-1]", 2, "xs[:-1]", "xs[1:]", "slice.move"),
    ("for i in range(n):\n    xs[i] = 0", 2, "range(n)", "range(n - 1)", "range.step"),
    ("return a", 2, "return a", "return b", "name.variable"),
    ("return min(a, b)", 2, "min", "max", "call.callee"),
    ("return f(a, b)", 2, "f(a, b)", "f(b, a)", "call.swap"),
    ("return sorted(xs)", 2, "sorted(xs)", "sorted(xs, reverse=True)", "call.add"),
    ("return list(xs)", 2, "list(xs)", "xs", "call.unwrap"),
    ("return f(xs)", 2, "f(xs)", "list(f(xs))", "wrap.builtin"),
    ("return f(xs), xs", 2, ", xs", ", xs.copy()", "wrap.builtin"),
    ("n = a\nreturn n", 2, "n = a", "n = max(n, a)", "value.extreme"),
    ("xs[0] = a\nreturn xs", 2, "xs[0] = a", "xs.append(a)", "value.store"),
    ("return []", 2, "[]", "[n]", "element.add"),
    ("while True:\n    xs.pop()", 2, "while True", "while not xs", "condition.replace"),
    ("return a.b < b", 2, "a.b < b", "a.b <= b", "comparison.boundary"),
    ("f(a)", 2, "f(a)", "return f(a)", "return.add"),
    ("return xs['k']", 2, "xs['k']", "xs.get('k')", "element.get"),
    ("return [x for x in xs]", 2, "in xs", "in xs if x", "comprehension.filter"),
]


@pytest.mark.parametrize(("body", "line", "old", "new", "operator"), EDITS)
def test_edit(body: str, line: int, old: str, new: str, operator: str) -> None:
    text = f(body)
    at = text.index(old, text.index(":\n"))
    wanted = text[:at] + new + text[at + len(old) :]
    assert results(text, line).get(wanted) == operator


def test_a_condition_that_binds_is_strengthened_and_not_asked_twice() -> None:
    found = results("def f(a, k):\n    if m := a.get(k):\n        return m.x\n    return a\n", 2)
    conditions = [text.split("\n")[1] for text, name in found.items() if name == "condition.and"]
    assert "    if a is not None and (m := a.get(k)):" in conditions
    assert not any(condition.count(":=") > 1 for condition in conditions)


def test_a_condition_over_several_lines_is_repeated_without_its_comments() -> None:
    text = (
        "def f(a, b):\n    if a == 'x  y' or (\n        b  # one\n        and a\n    ):\n"
        "        return 1\n    while b:\n        b = b.c\n"
    )
    conditions = {changed.split("\n")[6] for changed in results(text, 7)}
    assert "    while b and (a == 'x  y' or (b and a)):" in conditions


def test_condition_is_strengthened_before_what_it_protects() -> None:
    text = "def f(node):\n    if node.next is node:\n        return 1\n    return 0\n"
    wanted = text.replace("if node.next", "if node is None or node.next")
    assert results(text, 2).get(wanted) == "condition.or"


def test_guard_raises_what_the_test_expects() -> None:
    text = "def f(n):\n    return n + 1\n"
    wanted = "def f(n):\n    if n < 0:\n        raise ValueError\n    return n + 1\n"
    found = results(text, 2, tests=("with raises(ValueError):\n    f(-1)\n",))
    assert found.get(wanted) == "guard.exit"


ONE = "def f(n):\n    if n == 'one':\n        return 1\n    return 0\n"
GOES_ON = "def f(n):\n    if n == 'one':\n        n = g(n)\n    return n\n"
TYPED = (
    "def f(n):\n    if n == int:\n        return 'x'\n    elif n == list:\n        return 'array'\n"
)
FLAGS = "OF_ONE = 1\nOF_TWO = 2\nOF_SIX = 4\ndef f(n):\n    return g(n, OF_ONE | OF_TWO)\n"
OWN = (
    "class A:\n    def __init__(self):\n        self.a = 1\n    def f(self, n):\n"
    "        return g(0, n)\n"
)
BESIDE_ITS_LIKE = [
    (
        ONE, 2, "    if n == 'one'",
        "    if n == 'two':\n        return 1\n    if n == 'one'", "branch.add",
        "assert f('two') == 2",
    ),
    (
        GOES_ON, 2, "    if n == 'one'",
        "    if n == 'two':\n        n = g(n)\n    elif n == 'one'", "branch.add",
        "assert f('two') == 2",
    ),
    (
        TYPED, 4, "    elif n == list",
        "    elif n == dict:\n        return 'object'\n    elif n == list", "branch.add",
        "assert f(dict) == 'object'",
    ),
    (
        f("return a != '__all__'"), 2, "a != '__all__'", "a not in ('__all__', '__info__')",
        "comparison.extend", "assert not f('__info__')",
    ),
    (
        f("return isinstance(a, list)"), 2, "list", "(list, tuple)", "comparison.extend",
        "assert f(tuple())",
    ),
    (FLAGS, 5, "OF_ONE | OF_TWO", "OF_ONE | OF_TWO | OF_SIX", "flag.add", ""),
    (f("return int(a.x() * 10 + b)"), 2, "10 + b)", "10) + b", "wrap.narrow", ""),
    (f("return int(a) * 10"), 2, "int(a) * 10", "int(a * 10)", "wrap.widen", ""),
    (OWN, 5, "g(0", "g(self.a", "constant.attribute", ""),
    (
        f("return 'Use the \\'brew' in a"), 2, "the \\'brew", "the `brew", "string.mend",
        "assert f('Warning: Use the `brew upgrade` of today')",
    ),
    (
        "import re\nA = re.compile(r'^\\d+.\\d+.\\d+$')\n", 2, "\\d+.\\d+.\\d+",
        "\\d+\\.\\d+\\.\\d+", "pattern.change", "",
    ),
    (
        f("if 't' in a.output:\n    return 1"), 2, "if 't' in", "if a.output and 't' in",
        "condition.and", "",
    ),
    (
        f("return a.encode()"), 2, "    return",
        "    if not isinstance(a, str):\n        raise TypeError\n    return", "guard.exit",
        "with raises(TypeError):\n    f(1)\nassert isinstance(f(str()), bytes)",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "old", "new", "operator", "told"), BESIDE_ITS_LIKE)
def test_what_stands_beside_its_like(
    text: str, line: int, old: str, new: str, operator: str, told: str
) -> None:
    assert text.count(old) == 1
    assert results(text, line, tests=(told,)).get(text.replace(old, new)) == operator


def test_a_value_of_the_test_gets_no_answer_of_the_test_where_no_row_of_branches_stands() -> None:
    found = results(ONE, 2, tests=("assert f('two') == 2",))
    assert not [text for text in found if "'two':\n        return 2" in text]


def test_a_statement_again_for_the_key_that_is_missing() -> None:
    text = "def f(self):\n    self.counts['hits'] = 0\n"
    found = results(text, 2, message="KeyError: 'misses'")
    assert found.get(text + "    self.counts['misses'] = 0\n") == "statement.again"


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("with raises(WaitError, match='at least one'):\n    f(0)\n", "('at least one')"),
        ("with raises(WaitError, match=re.escape('one (1)')):\n    f(0)\n", "('one (1)')"),
        ("with self.assertRaisesRegex(WaitError, '^no .* left$'):\n    f(0)\n", "('no   left')"),
        ("with raises(WaitError, match='(a+)+$'):\n    f(0)\n", ""),
        ("with raises(WaitError):\n    f(0)\n", ""),
    ],
)
def test_a_guard_raises_the_error_of_the_project_with_the_words_that_are_looked_for(
    told: str, words: str
) -> None:
    text = "class WaitError(Exception):\n    pass\n\n\ndef f(waits):\n    return waits[0]\n"
    guard = f"    if not waits:\n        raise WaitError{words}\n    return"
    assert results(text, 6, tests=(told,)).get(text.replace("    return", guard)) == "guard.exit"


def test_what_ended_the_test_is_raised_as_what_it_expects() -> None:
    text = "class LabelError(Exception):\n    pass\n\n\ndef f(n):\n    return n.decode('ascii')\n"
    wanted = text.replace(
        "    return n.decode('ascii')\n",
        "    try:\n        return n.decode('ascii')\n    except UnicodeDecodeError as error:\n"
        "        raise LabelError(str(error)) from error\n",
    )
    found = results(
        text,
        6,
        tests=("with raises(LabelError):\n    f(b'x')\n",),
        message="UnicodeDecodeError: 'ascii' codec can't decode byte 0xe9",
    )
    assert found.get(wanted) == "exception.translate"


def test_a_raised_type_is_exchanged_for_the_one_that_the_test_names() -> None:
    text = "class NoSOA(Exception):\n    pass\n\n\ndef f(n):\n    raise KeyError\n"
    found = results(text, 6, tests=("with raises(dns.NoSOA):\n    f(1)\n",))
    assert found.get(text.replace("raise KeyError", "raise NoSOA")) == "exception.type"


def test_guards_read_nothing_that_only_the_loop_binds() -> None:
    found = results(f("for each in xs:\n    f(each)\nreturn n"), 2)
    guards = [text for text, operator in found.items() if operator == "guard.exit"]
    assert [text for text in guards if "if not xs:" in text]
    assert not [text for text in guards if "if each" in text or "if not each" in text]


def test_a_failed_claim_is_no_exception_to_raise() -> None:
    found = results(f("return a"), 2, message="AssertionError: assert 1 == 2")
    assert not [text for text in found if "raise AssertionError" in text]
    asked = results(f("return a"), 2, tests=("with raises(AssertionError):\n    f(0)\n",))
    assert [text for text in asked if "raise AssertionError" in text]


@pytest.mark.parametrize(
    ("through", "empty"),
    [
        ("xs.read().items()", "xs.read()"),
        ("enumerate(sorted(f(a)))", "f(a)"),
        ("a.rows", "a.rows"),
    ],
)
def test_guard_against_nothing_to_do_answers_the_other_way(through: str, empty: str) -> None:
    text = f(f"for x in {through}:\n    f(x)\nreturn True")
    guard = f"    if not {empty}:\n        return False\n"
    assert results(text, 2).get(text.replace("    for", guard + "    for")) == "guard.exit"


def test_statement_is_moved_out_of_the_loop_and_removed() -> None:
    text = "def f(xs):\n    n = 0\n    for x in xs:\n        n += x\n        print(n)\n"
    found = results(text, 5)
    assert found["def f(xs):\n    n = 0\n    for x in xs:\n        n += x\n    print(n)\n"]
    assert found["def f(xs):\n    n = 0\n    for x in xs:\n        n += x\n"] == "statement.remove"


SHAPE = """\
import os

class Shape:
    def clean(self, name):
        return os.fspath(name)

    def grow(self, name, size):
        self.clean(name)
        return Shape(size)

class Other:
    def grow(self, size):
        return size
"""


@pytest.mark.parametrize(
    ("line", "old", "new", "operator"),
    [
        (9, "Shape(size)", "type(self)(size)", "call.callee"),
        (9, "(size)", "(self.clean(size))", "wrap.call"),
        (9, "(size)", "(os.fspath(size))", "wrap.call"),
        (13, "return size", "return os.fspath(size)", "wrap.call"),
        (13, "return size", "return self.clean(size)", None),
    ],
)
def test_callees_of_the_module_and_of_the_class(
    line: int, old: str, new: str, operator: str | None
) -> None:
    lines = SHAPE.splitlines(keepends=True)
    lines[line - 1] = lines[line - 1].replace(old, new)
    assert results(SHAPE, line).get("".join(lines)) == operator


def test_missing_append_is_added() -> None:
    text = "def f(xs):\n    seen = set()\n    for x in xs:\n        print(x)\n    return seen\n"
    wanted = text.replace("print(x)\n", "print(x)\n        seen.add(x)\n")
    assert results(text, 4).get(wanted) == "statement.missing"


def test_parameter_not_kept_is_kept() -> None:
    text = "class A:\n    def __init__(self, x, y):\n        self.x = x\n"
    assert results(text, 2).get(text + "        self.y = y\n") == "statement.missing"


def test_exception_type_is_widened() -> None:
    text = "try:\n    n = int('x')\nexcept KeyError:\n    n = 0\n"
    wanted = text.replace("except KeyError", "except (KeyError, ValueError)")
    assert results(text, 3).get(wanted) == "exception.extend"


def test_pattern_and_string_of_the_test() -> None:
    text = "import re\nSPACE = re.compile(r'\\s+')\nNAME = 'abc'\n"
    assert results(text, 2).get(text.replace("+", "+?")) == "pattern.change"
    found = results(text, 3, tests=("assert NAME == 'abcd'",))
    assert found.get(text.replace("abc", "abcd")) == "string.other"


def test_a_piece_of_a_text_is_mended_as_the_assertion_wants_it() -> None:
    text = "PHRASES = {\n    'month': '{0} monat',\n    'months': '{0} monat',\n}\n"
    message = "AssertionError: assert 'vor 2 monat' == 'vor 2 monaten'"
    found = results(text, 1, message=message)
    assert found[text.replace("s': '{0} monat", "s': '{0} monaten")] == "string.mend"


def test_what_an_assertion_got_and_wanted() -> None:
    def differences(message: str) -> set[tuple[str, str]]:
        return set(ProjectContext.build({}, (), message).differences)

    assert differences("assert 'in a month' == 'in one month'") == {("a", "one"), ("one", "a")}
    added = differences("assert 'two days' == 'two full days'")
    assert added == {("two ", "two full "), ("two full ", "two ")}
    assert differences("assert 'two days' == 'nothing alike'") == set()
    assert differences("assert 3 == 4") == set()


def test_a_missing_entry_is_added_with_the_usual_value() -> None:
    text = "WORDS = {\n    'ALTER': NAME,\n    'DROP': NAME,  # why\n    'GO': VERB,\n}\n"
    tests = ("def test_it():\n    assert kind('create rule now') == NAME\n",)
    found = results(text.replace("  # why", ""), 1, tests=tests)
    wanted = text.replace("  # why", "").replace("VERB,", "VERB,\n    'RULE': NAME,")
    assert found[wanted] == "entry.add"
    assert "entry.add" in results("WORDS = {'a': 1}\n", 1, tests=tests).values()
    assert "entry.add" not in results("WORDS = {1: 1, **more}\n", 1, tests=tests).values()


def test_a_name_of_the_failing_test_comes_first() -> None:
    text = "def f(alpha, bravo, gamma):\n    delta = alpha\n    return delta\n"
    wanted = text.replace("= alpha", "= gamma")
    without = [t for t, o in results(text, 2).items() if o == "name.variable"]
    helped = [t for t, o in results(text, 2, message="gamma").items() if o == "name.variable"]
    assert helped.index(wanted) < without.index(wanted) or helped[0] == wanted


def test_method_of_the_class_is_found_for_a_bare_name() -> None:
    text = "class A:\n    def g(self):\n        pass\n    def f(self):\n        return g()\n"
    assert results(text, 5).get(text.replace("return g", "return self.g")) == "call.receiver"


def test_missing_await_and_missing_self() -> None:
    text = "async def f(a):\n    return a.get()\n"
    assert results(text, 2).get(text.replace("a.get", "await a.get")) == "await.add"
    text = "class A:\n    def f(x):\n        return x\n"
    assert results(text, 2).get(text.replace("(x)", "(self, x)")) == "parameter.add"
    assert results(text, 2).get(text.replace("    def", "    @staticmethod\n    def"))


def test_combine_refuses_edits_of_the_same_characters() -> None:
    text = "def f(a, b):\n    return a - b\n"
    module = Module.parse("program.py", text)
    found = list(candidates(module, [2], context=ProjectContext()))
    by_result = {apply_edits(text, c.edits): c for c in found}
    plus = by_result[text.replace("-", "+")]
    times = by_result[text.replace("-", "*")]
    first = by_result[text.replace("return a", "return b")]
    assert combine(plus, times) is None
    both = combine(plus, first)
    assert both is not None
    assert apply_edits(text, both.edits) == text.replace("a - b", "b + b")


def test_the_same_edit_at_two_places_is_described_once() -> None:
    text = "def f(a, b):\n    return a * (a + b)\n"
    module = Module.parse("program.py", text)
    found = list(candidates(module, [2], context=ProjectContext()))
    by_result = {apply_edits(text, c.edits): c for c in found}
    one = by_result[text.replace("return a", "return b")]
    other = by_result[text.replace("(a +", "(b +")]
    both = combine(one, other)
    assert both is not None
    assert both.description == "`a` → `b` in program.py:2, twice"


TEXTS = [
    "def f(a, b):\r\n    if a < b:\r\n        return a\r\n    return b\r\n",
    "def f(a, b):\n\tif a < b:\n\t\treturn a\n\treturn b\n",
    "def f(ä, b):\n    s = 'größer'; n = ä < b  # ß\n    return n, s\n",
    "def f(a,\n      b):\n    return g(a,\n             b,  # two\n             [a, b])\n",
    "@property\ndef f(a):\n    return a\n",
    "async def f(a):\n    async for x in a:\n        await x(a)\n    return await a\n",
    "def f(a):\n    match a:\n        case [x, y] if x < y:\n            return x\n"
    "        case _:\n"
    "            return 0\n",
    "def f(a):\n    return f'{a!r:>{a}} {a + 1}'\n",
    "def f(a): return a\nclass A: x = 1; y = 2\n",
    "def f(a):\n    if a: return 1\n    elif not a: return 2\n    else: return 3",
    "x = (yield_ for yield_ in range(3))\nprint(*x, **{}, sep='')\n",
    "def f(a):\n    try:\n        return a[0]\n    except* ValueError:\n        pass\n",
    "def f():\n    global n\n    n = lambda x, *y, z=1: (x := z)\n    del n\n",
    "\x0cdef f(a):\n    return a if a else -a\n",
    "def f(a):\n    if (n := len(a)) > 2:\n        return n\n    if m := a.get('x'):\n"
    "        return m.y\n    while c := a.read(3):\n        a[c] = c\n    return a.z\n",
    "def f(a):\n    if (yield a):\n        return a.x\n    while (yield):\n        return a[0]\n",
    "async def f(a):\n    if await a and (b := await a.c):\n        return a.x\n    return b.y\n",
    "def f(a, b):\n    if (\n        a  # one\n        or b  # two\n    ):\n        return b.x\n"
    "    if lambda: a:\n        return a.y\n    if a if b else a.z:\n        return (\n"
    "            a  # one\n            + 1\n        )\n    return b.x\n",
]


@pytest.mark.parametrize("text", TEXTS)
def test_every_line_of_unusual_sources(text: str) -> None:
    found = [results(text, line) for line in range(1, text.count("\n") + 2)]
    assert any(found)
    if "\r\n" in text:
        for changed in found[1]:
            assert changed.count("\n") == changed.count("\r\n")


def test_annotations_are_left_alone_but_those_of_fields() -> None:
    text = (
        "def f(count: int | None = 0, *more: bool) -> str | None:\n    size: int = count\n"
        "    return (lambda x: x + 1)(size)\n\n\nclass A:\n    size: int | None = 0\n"
    )
    module = Module.parse("a.py", text)

    def replaced(line: int) -> set[str]:
        found = candidates(module, [line], context=ProjectContext.build({"a.py": module}, (), ""))
        return {text[e.start : e.end] for one in found for e in one.edits if e.end > e.start}

    assert not replaced(1) & {"int | None", "bool", "str | None", "int", "None", "str"}
    assert "0" in replaced(1)
    assert "int" not in replaced(2)
    assert {"1", "x + 1"} <= replaced(3)
    assert "int | None" in replaced(7)
