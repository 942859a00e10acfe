"""Constant folding of texts: what string expressions of constants evaluate to."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

from sandbox.syntax import literal

_MAX_TEXT_CHARACTERS = 4096
"""Characters; nothing that is looked for is longer."""
_FIELD = re.compile(r"\{[^{}]*|%[-+ #0]*\d*\.?\d*")
_NESTED_FIELD = re.compile(r"\{[^{}]*\{")
_WIDTH = re.compile(r"\d{4,}")
_WIDEST = "999"
REACHING = frozenset(["getattr", "setattr", "delattr", "__getattribute__", "attrgetter",
                      "methodcaller", "getattr_static", "__setattr__"])  # fmt: skip
"""Functions that are given an attribute's name."""


def constants_of(tree: ast.Module) -> dict[str, ast.expr]:
    """Names that are bound once → to what."""
    bindings: dict[str, ast.expr | None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    bindings[target.id] = None if target.id in bindings else node.value
        elif isinstance(node, ast.AugAssign | ast.For) and isinstance(node.target, ast.Name):
            bindings[node.target.id] = None
        elif isinstance(node, ast.arg):
            bindings[node.arg] = None
    return {name: value for name, value in bindings.items() if value is not None}


def folded(node: ast.expr, constants: Mapping[str, ast.expr], depth: int = 12) -> str | None:
    """The text that an expression of constants stands for; None where it is not known."""
    if depth == 0:
        return None
    text = _folded(node, constants, depth - 1)
    return None if text is None else text[:_MAX_TEXT_CHARACTERS]


def _folded(node: ast.expr, constants: Mapping[str, ast.expr], depth: int) -> str | None:
    if isinstance(node, ast.Constant):
        value = node.value.decode("latin-1") if isinstance(node.value, bytes) else node.value
        return value if isinstance(value, str) else None
    if isinstance(node, ast.Name):
        return folded(constants[node.id], constants, depth) if node.id in constants else None
    if isinstance(node, ast.BinOp):
        return _operation(node, constants, depth)
    if isinstance(node, ast.JoinedStr):
        parts = [p.value if isinstance(p, ast.FormattedValue) else p for p in node.values]
        return _joined("", parts, constants, depth)
    if isinstance(node, ast.Subscript):
        text = folded(node.value, constants, depth)
        return None if text is None else _slice(text, node.slice)
    if isinstance(node, ast.Call):
        return _call(node, constants, depth)
    return None


def _operation(node: ast.BinOp, constants: Mapping[str, ast.expr], depth: int) -> str | None:
    if isinstance(node.op, ast.Mult):
        text, count = folded(node.left, constants, depth), node.right
        if text is not None and isinstance(count, ast.Constant) and isinstance(count.value, int):
            return text * min(count.value, 16)
        return None
    if isinstance(node.op, ast.Mod):
        form, operand = folded(node.left, constants, depth), node.right
        parts = operand.elts if isinstance(operand, ast.Tuple) else [operand]
        texts = [folded(part, constants, depth) for part in parts]
        try:
            return None if form is None or None in texts else _narrow(form) % tuple(texts)
        except (TypeError, ValueError):
            return None
    between = "/" if isinstance(node.op, ast.Div) else ""  # paths are joined by division
    return _joined(between, [node.left, node.right], constants, depth)


def _joined(
    between: str, parts: list[ast.expr], constants: Mapping[str, ast.expr], depth: int
) -> str | None:
    texts = [folded(part, constants, depth) for part in parts]
    folded_texts = [text for text in texts if text is not None]
    return between.join(folded_texts) if len(folded_texts) == len(texts) else None


def _slice(text: str, index: ast.expr) -> str | None:
    try:
        key = literal(index) if not isinstance(index, ast.Slice) else slice(
            *(None if bound is None else literal(bound)
              for bound in (index.lower, index.upper, index.step))
        )  # fmt: skip
        return text[key]
    except (ValueError, TypeError, IndexError):
        return None


def _narrow(form: str) -> str:
    """A form without fields of thousands of characters: ten characters of a patch, which is not
    trusted, would make a text of two gigabytes."""
    return _FIELD.sub(lambda field: _WIDTH.sub(_WIDEST, field[0]), form)


_PATHS = frozenset(["Path", "PurePath", "PosixPath", "PurePosixPath", "joinpath"])


def _path(node: ast.Call, constants: Mapping[str, ast.expr], depth: int) -> str | None:
    """Of `Path("/", "etc")`, `os.path.join("/", "etc")` and `Path("/").joinpath("etc")`."""
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    if name == "join" and isinstance(node.func, ast.Attribute):
        module = getattr(node.func.value, "attr", getattr(node.func.value, "id", ""))
        return _joined("/", node.args, constants, depth) if "path" in module else None
    if name not in _PATHS or not node.args:
        return None
    owner = [node.func.value] if name == "joinpath" and isinstance(node.func, ast.Attribute) else []
    return _joined("/", [*owner, *node.args], constants, depth)


def _call(node: ast.Call, constants: Mapping[str, ast.expr], depth: int) -> str | None:
    path = _path(node, constants, depth)
    if path is not None:
        return path
    if isinstance(node.func, ast.Name) and node.func.id in ("str", "chr") and len(node.args) == 1:
        argument = node.args[0]
        if node.func.id == "str":
            return folded(argument, constants, depth)
        is_code_point = isinstance(argument, ast.Constant) and isinstance(argument.value, int)
        return chr(argument.value % 0x110000) if is_code_point else None  # type: ignore[attr-defined]
    if not isinstance(node.func, ast.Attribute):
        return None
    text, method = folded(node.func.value, constants, depth), node.func.attr
    if text is None:
        return None
    if method == "join" and node.args and isinstance(node.args[0], ast.List | ast.Tuple):
        return _joined(text, node.args[0].elts, constants, depth)
    texts = [folded(argument_node, constants, depth) for argument_node in node.args]
    known_texts = [argument_node for argument_node in texts if argument_node is not None]
    if len(known_texts) != len(texts) or method not in _METHODS:
        return text if method in ("decode", "encode") else None
    if method == "format":
        is_nested = _NESTED_FIELD.search(text) is not None
        known_texts = [_WIDTH.sub(_WIDEST, part) if is_nested else part for part in known_texts]
        text = _narrow(text)
    try:
        return str(getattr(text, method)(*known_texts))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return None


_METHODS = frozenset(["format", "replace", "lower", "upper", "strip", "lstrip", "rstrip",
                      "swapcase", "removeprefix", "removesuffix", "casefold"])  # fmt: skip


def may_be_private(node: ast.expr, constants: Mapping[str, ast.expr]) -> bool:
    """Whether a name that is put together could begin with an underscore."""
    if folded(node, constants) is not None:
        return (folded(node, constants) or "").startswith("_")
    first = node
    while True:
        if isinstance(first, ast.BinOp):
            first = first.left
        elif isinstance(first, ast.JoinedStr) and first.values:
            first = first.values[0]
        elif (
            isinstance(first, ast.Call)
            and isinstance(first.func, ast.Attribute)
            and first.func.attr == "format"
        ):
            first = first.func.value
        else:
            break
    text = folded(first, constants)
    return not text or text.startswith(("_", "{", "%"))
