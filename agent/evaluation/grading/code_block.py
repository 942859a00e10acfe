"""The code in an answer: models put it between fences, with prose around it, or write it bare."""

from __future__ import annotations

import ast
import re

from sandbox.syntax import parse_module

_FENCED = re.compile(
    r"(?<![`~])(`{3,}+|~{3,}+)[\w+.-]*+[ \t]*+\n(.*?)(?:^[ \t]*+\1[ \t]*+$|\Z)", re.M | re.S
)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def code_of(answer: str, name: str, before: str = "") -> str | None:
    """The code of an answer that is to define `name`; None where there is none.

    Of several fenced blocks it is the last that defines it, for that is what the answer ends with;
    else the last one. Without a fence the whole answer must be code, by itself or, as base models
    answer, as what comes after `before`.
    """
    blocks = fenced_blocks(answer)
    definitions = [block for block in blocks if defines(block, name)]
    if blocks:
        return (definitions or blocks)[-1]
    if defines(answer, name):
        return answer
    code = before + answer
    return code if before and answer.strip() and defines(code, name) else None


def fenced_blocks(answer: str) -> list[str]:
    """What stands between fences, in order; an empty block is none."""
    return [match[2] for match in _FENCED.finditer(answer) if match[2].strip()]


def defines(code: str, name: str) -> bool:
    """Whether it is Python that binds `name` at its top level."""
    try:
        tree = parse_module(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(name in _bound(statement) for statement in tree.body)


def preamble(prompt: str, name: str) -> str:
    """What stands in a prompt before the function that is asked for: imports and helpers."""
    match = re.search(rf"^(?:async )?def {re.escape(name)}\b", prompt, re.M)
    return prompt[: match.start()] if match else ""


def _bound(statement: ast.stmt) -> set[str]:
    if isinstance(statement, _DEFINITIONS):
        return {statement.name}
    if isinstance(statement, ast.Assign):
        return {target.id for target in statement.targets if isinstance(target, ast.Name)}
    return set()
