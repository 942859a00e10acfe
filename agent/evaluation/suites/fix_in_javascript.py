"""A function of HumanEvalFix in JavaScript: as a program with its tests, and as a project.

The tests say what they expect to `console.assert`, which only prints: here it throws, so that the
first that does not hold ends the program, or fails the test of the project.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from agent.evaluation.grading.code_block import fenced_blocks
from agent.evaluation.grading.program import ProgramLanguage

_ASSERT = (
    'Object.defineProperty(console, "assert", { value: (holds, ...words) => {\n'
    '  if (!holds) throw new Error(["assertion failed", ...words].join(" "));\n'
    "} });\n"
)
_BOUND = re.compile(
    r"^(?:(?:const|let|var|class)\s+|(?:async\s+)?function\s*\*?\s*)([A-Za-z_$][\w$]*)", re.M
)
_REQUIRED = re.compile(r"""\brequire\(\s*['"]([\w@./-]+)['"]\s*\)""")
_PACKAGES = frozenset({"js-md5"})
"""What the data's own solutions need of npm."""


class FixInJavaScript:
    """Implements `FixLanguage`."""

    name = "JavaScript"
    fence = "javascript"
    runs = ProgramLanguage.JAVASCRIPT
    program = "solution.js"

    def project(self, data: Mapping[str, Any], buggy: str) -> Mapping[str, str]:
        names = ", ".join(dict.fromkeys(_BOUND.findall(buggy)))
        name = json.dumps(str(data["entry_point"]))
        packages = dict.fromkeys(self.packages(data, buggy), "*")
        return {
            self.program: f"{buggy.rstrip()}\n\nmodule.exports = {{ {names} }};\n",
            "solution.test.js": (
                f'const test = require("node:test");\nconst {{ {names} }} = '
                f'require("./solution.js");\n\n{_ASSERT}\n'
                f"test({name}, () => {{\n{str(data['test']).strip()}\n}});\n"
            ),
            "package.json": json.dumps(
                {
                    "name": "solution",
                    "version": "1.0.0",
                    "private": True,
                    "scripts": {"test": "node --test"},
                    "dependencies": packages,
                },
                indent=2,
            )
            + "\n",
        }

    def code(self, data: Mapping[str, Any], answer: str) -> str | None:
        """Of several fenced blocks the last that defines the function; without a fence the answer
        itself, where it begins with code."""
        name = str(data["entry_point"])
        blocks = fenced_blocks(answer)
        definitions = [block for block in blocks if name in _BOUND.findall(block)]
        if blocks:
            code = (definitions or blocks)[-1]
        elif _BOUND.match(answer.lstrip()) and name in _BOUND.findall(answer):
            code = answer
        else:
            return None
        before = _before(str(data["declaration"]), name)
        has_all = set(_BOUND.findall(before)) <= set(_BOUND.findall(code))
        return code if has_all else before + code

    def with_tests(self, data: Mapping[str, Any], code: str) -> str:
        return f"{code}\n;{_ASSERT}{data['test']}\n"

    def packages(self, data: Mapping[str, Any], reference: str) -> tuple[str, ...]:
        """Of what the data itself requires, never an answer."""
        required = _REQUIRED.findall(f"{data['declaration']}\n{reference}")
        return tuple(sorted(_PACKAGES.intersection(required)))


def _before(declaration: str, name: str) -> str:
    """Helpers that stand before the function."""
    match = next((m for m in _BOUND.finditer(declaration) if m[1] == name), None)
    return declaration[: match.start()] if match else ""
