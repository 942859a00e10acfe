"""A function of HumanEvalFix in Python: as a program with its tests, and as a project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.evaluation.grading.code_block import code_of, preamble
from agent.evaluation.grading.program import ProgramLanguage


class FixInPython:
    """Implements `FixLanguage`."""

    name = "Python"
    fence = "python"
    runs = ProgramLanguage.PYTHON
    program = "solution.py"

    def project(self, data: Mapping[str, Any], buggy: str) -> Mapping[str, str]:
        name = str(data["entry_point"])
        tests = str(data["test"]).rstrip().removesuffix(f"check({name})").strip("\n")
        tests = (
            f"from solution import *\nfrom solution import {name}\n\n\n{tests}\n\n\n"
            f"def test_{name}():\n    check({name})\n"
        )
        return {self.program: buggy, "test_solution.py": tests}

    def code(self, data: Mapping[str, Any], answer: str) -> str | None:
        name, declaration = str(data["entry_point"]), str(data["declaration"])
        code = code_of(answer, name, declaration)
        if code is None:
            return None
        # What a completion began with comes first; an answer of its own may rely on its imports.
        return ("" if code.startswith(declaration) else preamble(declaration, name)) + code

    def with_tests(self, data: Mapping[str, Any], code: str) -> str:
        return f"{code}\n{data['test']}"

    def packages(self, data: Mapping[str, Any], reference: str) -> tuple[str, ...]:  # noqa: ARG002
        return ()
