"""The text of a test file made of examples."""

from __future__ import annotations

import ast
import builtins
import textwrap
from collections.abc import Mapping, Sequence

from agent.reproduction.examples import Claim, Example
from agent.reproduction.expected_values import is_literal
from sandbox.syntax import parse_expression, parse_module

TEST_CASE_NAME = "IssueTest"
TEST_FILE_HEADER = (
    '"""From the examples of an issue. Written by repair; no part of the project."""\n'
)


def can_be_written(example: Example, importable: Mapping[str, str]) -> bool:
    """Whether the example stands in a function as it is; `from m import *` does not."""
    try:
        text, _ = test_text([example], importable, as_case=False)
        compile(text, "<example>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True


def test_text(
    examples: Sequence[Example], importable: Mapping[str, str], *, as_case: bool
) -> tuple[str, tuple[str, ...]]:
    """The file, and the name of each example's test in it (`Case.test` in a class).

    `importable` is name → statement that imports it, for names an example uses and does not
    bind. `as_case` writes methods of a `unittest.TestCase`, for runners that know nothing else.
    """
    parts, names = [], []
    for number, example in enumerate(examples, start=1):
        name = f"test_example_{number}"
        body = textwrap.indent("\n".join(_body(example, importable, as_case)), "    ")
        parts.append(f"def {name}({'self' if as_case else ''}):\n{body}\n")
        names.append(f"{TEST_CASE_NAME}.{name}" if as_case else name)
    if as_case:
        methods = textwrap.indent("\n".join(parts), "    ")
        return (
            f"{TEST_FILE_HEADER}\nimport unittest\n\n\n"
            f"class {TEST_CASE_NAME}(unittest.TestCase):\n{methods}",
            tuple(names),
        )
    return "\n\n".join([TEST_FILE_HEADER, *parts]), tuple(names)


test_text.__test__ = False  # type: ignore[attr-defined]


def _body(example: Example, importable: Mapping[str, str], as_case: bool) -> list[str]:
    source = f"{example.setup}\n{example.code}\n{_exception(example)}"
    lines = [importable[name] for name in free_names(source) if name in importable]
    lines += _lines(example.setup)
    code = _lines(example.code)
    if example.claim is Claim.VALUE:
        return [*lines, *_value(example)]
    if example.claim is Claim.RAISES:
        checker = "self.assertRaises" if as_case else "pytest.raises"
        imports = [] if as_case else ["import pytest"]
        return [*imports, *lines, f"with {checker}({example.stated}):", *_indented(code)]
    if example.claim is Claim.OUTPUT:
        return [
            *("import contextlib", "import io"),
            *lines,
            "output = io.StringIO()",
            "with contextlib.redirect_stdout(output):",
            *_indented(code),
            f"assert output.getvalue().strip() == {example.stated.strip()!r}",
        ]
    return [*lines, *code]


def _value(example: Example) -> list[str]:
    expression = ast.unparse(parse_expression(example.code.strip()))
    if is_literal(example.stated):
        value = ast.unparse(parse_expression(example.stated.strip()))
        operator = "is" if value in ("None", "True", "False") else "=="
        return [f"result = {expression}", f"assert result {operator} {value}"]
    return [f"result = repr({expression})", f"assert result == {example.stated.strip()!r}"]


def _exception(example: Example) -> str:
    return example.stated if example.claim is Claim.RAISES else ""


def _lines(source: str) -> list[str]:
    """Written anew from the syntax tree: a text over several lines must not be indented."""
    return ast.unparse(parse_module(textwrap.dedent(source))).split("\n") if source.strip() else []


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" if line else "" for line in lines]


def free_names(source: str) -> tuple[str, ...]:
    """Names the code uses and never binds, in order; none of Python's own."""
    try:
        tree = parse_module(source)
    except (SyntaxError, ValueError, RecursionError):
        return ()
    bound_names = set(dir(builtins))
    loaded_names: dict[str, None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                loaded_names[node.id] = None
            else:
                bound_names.add(node.id)
        elif isinstance(node, ast.alias):
            bound_names.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound_names.add(node.name)
        elif isinstance(node, ast.arg):
            bound_names.add(node.arg)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            bound_names.add(node.name)
    return tuple(name for name in loaded_names if name not in bound_names)
