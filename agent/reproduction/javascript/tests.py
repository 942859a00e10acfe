"""Test files in JavaScript made of examples, for the framework that the project's tests have."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from agent.reproduction.examples import Claim, Example
from agent.reproduction.javascript.bindings import (
    DEFAULT,
    WHOLE,
    Binding,
    bindings_of,
    used,
    without_imports,
)
from agent.reproduction.javascript.issue_examples import examples
from agent.reproduction.javascript.literals import is_primitive
from agent.source.javascript.code import masked
from sandbox.languages.javascript.detection.project import Framework

HEADER = "// From the examples of an issue. Written by repair; no part of the project.\n"
_FRAMEWORK_MODULES = {
    Framework.NODE_TEST: "node:test",
    Framework.PROGRAMS: "node:test",
    Framework.VITEST: "vitest",
}
_WORD = re.compile(r"[A-Za-z_$][\w$]*")
_SAID_ANYWAY = frozenset(
    (
        *("const", "let", "var", "function", "async", "await", "return", "import", "from", "new"),
        *("require", "node", "true", "false", "null", "undefined", "describe", "equal", "expect"),
        *("strictEqual", "deepStrictEqual", "throws", "console", "log", "class", "this", "typeof"),
    )
)
"""Words of any test: that a statement has them, too, says nothing."""
_OWN_TESTS = re.compile(r"\b(?:it|test|describe|suite)(?:\.\w+)?\s*\(")
_CANNOT = re.compile(r"^[^\S\n]*(?:import|export)\b(?!\s*\()", re.M)
_PLAIN = """\
const plain = (value) => {
  if (Array.isArray(value)) return value.map(plain);
  if (Object.prototype.toString.call(value) !== '[object Object]') return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
};
"""
"""An issue shows what is in an object, and not of which class it is."""


@dataclass(frozen=True, kw_only=True)
class JavaScriptTests:
    """Implements `agent.reproduction.test_language.TestLanguage`."""

    framework: Framework
    is_module: bool
    """The test file is an ES module."""
    package: str
    """Name of the project's own package."""
    beside: Mapping[str, Binding]
    """What the test file beside takes from where."""
    exports: Mapping[str, Binding]
    """What the project's files export."""
    main: str = ""
    """The module that the package's name stands for, as the test names it; empty if not known."""

    name: str = "JavaScript"
    checks: str = "`node:assert`, or what the tests beside it use,"

    @property
    def form(self) -> str:
        return f"a test of {self.framework}, as those beside it are written"

    def examples(self, statement: str) -> Sequence[Example]:
        return [one for one in examples(statement) if self._can_be_written(one)]

    def test_text(self, found: Sequence[Example]) -> tuple[str, tuple[str, ...]]:
        names = tuple(f"issue example {number}" for number, _ in enumerate(found, 1))
        parts = [
            f"it({json.dumps(name)}, async () => {{\n{textwrap.indent(self._body(one), '  ')}}});\n"
            for name, one in zip(names, found, strict=True)
        ]
        return "\n".join([HEADER, self._head(), *parts]), names

    def names_in(self, text: str) -> None:  # noqa: ARG002 - no parser is at hand
        return None

    def words_in(self, text: str) -> Collection[str]:
        return frozenset(_WORD.findall(text)) - _SAID_ANYWAY

    def uses_project(self, text: str) -> bool:
        return any(map(self._is_own, bindings_of(text).values()))

    def _head(self) -> str:
        module = _FRAMEWORK_MODULES.get(self.framework)
        if self.is_module:
            lines = [f"import {{ it }} from '{module}';"] if module else []
            lines += [
                "import issueAssert from 'node:assert';",
                "import { format } from 'node:util';",
            ]
            return "\n".join([*lines, _PLAIN])
        lines = [f"const {{ it }} = require('{module}');"] if module else []
        lines += ["const issueAssert = require('node:assert');"]
        lines += ["const { format } = require('node:util');"]
        return "\n".join([*lines, _PLAIN])

    def _can_be_written(self, example: Example) -> bool:
        """Whether it uses what the project itself has, and can stand in a function."""
        code = without_imports(f"{example.setup}\n{example.code}")
        text = masked(code)
        is_code = not _OWN_TESTS.search(text) and not _CANNOT.search(text)
        return is_code and any(map(self._is_own, self._bindings(example)))

    def _is_own(self, binding: Binding) -> bool:
        own = (self.package, *filter(None, (self.main,)))
        module = binding.module
        return module.startswith((".", "#", "@/", "~/")) or module in own

    def _bindings(self, example: Example) -> list[Binding]:
        """What an example takes from modules. What it says it takes from the package, or from a
        file by its path, is the project's own: where it lies, the tests beside know better."""
        source = f"{example.setup}\n{example.code}"
        own_code = without_imports(source)
        stated = bindings_of(source)
        others = {n: one for n, one in stated.items() if not self._is_own(one)}
        aliases = {n: self._placed(one) for n, one in stated.items() if n not in others}
        known = {**self._assertions(), **self.exports, **self.beside, **others}
        known |= {n: one for n, one in aliases.items() if one is not None}
        return used(own_code, known)

    def _placed(self, stated: Binding) -> Binding | None:
        """Where the project has what an example takes from it; None where that is not known."""
        name = stated.imported if stated.imported not in (DEFAULT, WHOLE) else stated.local
        for known in (self.beside, self.exports):
            if name in known:
                found = known[name]
                return Binding(local=stated.local, module=found.module, imported=found.imported)
        if stated.module == self.package and self.main:
            return Binding(local=stated.local, module=self.main, imported=stated.imported)
        return None

    def _assertions(self) -> dict[str, Binding]:
        """What examples use to assert, and often do not import."""
        known = {"assert": Binding(local="assert", module="node:assert", imported=DEFAULT)}
        if self.framework is Framework.VITEST:
            known["expect"] = Binding(local="expect", module="vitest", imported="expect")
        return known

    def _body(self, example: Example) -> str:
        loads = [one.statement(is_module=self.is_module) for one in self._bindings(example)]
        setup = without_imports(example.setup).strip()
        code = without_imports(example.code).strip()
        return "\n".join([*loads, *filter(None, [setup]), *_check(example, code), ""])


def _check(example: Example, code: str) -> list[str]:
    stated = example.stated.strip()
    if example.claim is Claim.VALUE:
        if is_primitive(stated):
            return [f"issueAssert.strictEqual(await ({code}), {stated});"]
        return [f"issueAssert.deepStrictEqual(plain(await ({code})), {stated});"]
    if example.claim is Claim.OUTPUT:
        text = json.dumps(" ".join(stated.split()))
        return [f"issueAssert.strictEqual(format({code}).replace(/\\s+/g, ' ').trim(), {text});"]
    if example.claim is Claim.RAISES:
        name = json.dumps(stated)
        return [
            "await issueAssert.rejects(async () => {",
            textwrap.indent(f"await ({code});" if _is_expression(code) else f"{code};", "  "),
            f"}}, (error) => [error.name, error.constructor.name].includes({name}));",
        ]
    return [f"{code};"]


def _is_expression(code: str) -> bool:
    first = code.split(None, 1)[0] if code.split() else ""
    no_expression = ("const", "let", "var", "if", "for", "while", "throw", "return", "try")
    return first not in no_expression and ";" not in masked(code)
