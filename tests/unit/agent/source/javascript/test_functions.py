"""Functions of JavaScript, found by their braces."""

from __future__ import annotations

import pytest

from agent.source.braces.spans import function_around, functions_around
from agent.source.javascript.functions import javascript_functions
from agent.source.structure import FunctionSpan

TEXT = """'use strict';
const text = "function no() {"; // function neither() {
const pattern = /[{}]\\/{/;
function total(amounts) {
  for (const one of amounts) {
    if (one) { sum += one; }
  }
  return `${sum} {`;
}
const mean = (list) => {
  return total(list) / list.length;
};
class Shelf extends Base {
  constructor(items) { super(); this.items = items; }
  async get(name, { deep } = {}) {
    return this.items.find((one) => {
      return one.name === name;
    });
  }
}
exports.run = async function* go() {
  yield 1;
};
export const typed = (a: number): number => {
  return a;
};
"""


@pytest.mark.parametrize(
    ("line", "name", "first", "last"),
    [
        (6, "total", 4, 9),
        (11, "mean", 10, 12),
        (14, "constructor", 14, 14),
        (18, "get", 15, 19),
        (22, "go", 21, 23),
        (25, "typed", 24, 26),
    ],
)
def test_the_function_around_a_line(line: int, name: str, first: int, last: int) -> None:
    span = function_around(javascript_functions(TEXT), line)
    assert span is not None
    assert (span.name, span.first, span.last) == (name, first, last)


def test_the_functions_around_many_lines_are_those_around_each() -> None:
    spans = javascript_functions(TEXT)
    lines = [19, 7, 1, 14, 16, 17, 11, 26]

    def innermost(line: int) -> FunctionSpan | None:
        inside = [span for span in spans if span.first <= line <= span.last]
        return max(inside, key=lambda one: (bool(one.name), one.first, -one.last), default=None)

    assert list(functions_around(spans, lines)) == [(n, innermost(n)) for n in sorted(lines)]


@pytest.mark.parametrize("line", [1, 2, 3, 13])
def test_outside_of_functions(line: int) -> None:
    assert function_around(javascript_functions(TEXT), line) is None


@pytest.mark.parametrize(
    "text", ["", "}", "{{{", "function a( {", "`" * 99, "/" * 5000, "{" * 9999]
)
def test_what_is_no_source_is_read_all_the_same(text: str) -> None:
    assert isinstance(javascript_functions(text), tuple)
