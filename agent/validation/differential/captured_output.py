"""Tests that capture output, logs or warnings, which do not cross between two sandboxes."""

from __future__ import annotations

import ast
import re

from sandbox.syntax import parse_module

_LISTENS = re.compile(
    r"capsys|capfd|caplog|recwarn|catch_warnings|simplefilter|assert(No)?Logs|redirect_std|warns\("
)


def listens(test_id: str, text: str) -> bool:
    """Whether a test takes in what is printed, logged or warned of: that does not cross, so a
    silence on the base's side says nothing. `text` is the source of its file, among others."""
    name = test_id.rpartition("::")[2].partition("[")[0]
    try:
        tree = parse_module(text)
    except (SyntaxError, ValueError, RecursionError):
        return _LISTENS.search(text) is not None
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    functions = [node for node in ast.walk(tree) if isinstance(node, kinds) and node.name == name]
    return any(_LISTENS.search(ast.unparse(node)) for node in functions)
