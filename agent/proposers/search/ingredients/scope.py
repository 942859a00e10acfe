"""Which names an edit may use at a place, and what kind of thing each seems to be."""

from __future__ import annotations

import ast
import builtins
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from agent.source.module import Module
from sandbox.syntax import AnyFunction

BUILTINS = frozenset(dir(builtins))
_CALL_KINDS = {
    "len": "number", "int": "number", "float": "number", "sum": "number", "abs": "number",
    "round": "number", "ord": "number", "hash": "number", "id": "number",
    "str": "text", "repr": "text", "chr": "text", "format": "text", "input": "text",
    "list": "list", "sorted": "list", "tuple": "tuple", "set": "set", "frozenset": "set",
    "dict": "dict", "bool": "truth", "isinstance": "truth", "issubclass": "truth",
    "callable": "truth", "hasattr": "truth", "any": "truth", "all": "truth",
    "range": "iterable", "enumerate": "iterable", "zip": "iterable", "map": "iterable",
    "filter": "iterable", "iter": "iterable", "reversed": "iterable",
}  # fmt: skip
_METHOD_KINDS = {
    "strip": "text", "lstrip": "text", "rstrip": "text", "lower": "text", "upper": "text",
    "join": "text", "replace": "text", "format": "text", "title": "text", "decode": "text",
    "group": "text", "split": "list", "splitlines": "list", "findall": "list",
    "startswith": "truth", "endswith": "truth", "isdigit": "truth", "isspace": "truth",
    "find": "number", "index": "number", "count": "number",
}  # fmt: skip
_NODE_KINDS: tuple[tuple[type[ast.expr], str], ...] = (
    (ast.JoinedStr, "text"),
    (ast.List, "list"),
    (ast.ListComp, "list"),
    (ast.Dict, "dict"),
    (ast.DictComp, "dict"),
    (ast.Set, "set"),
    (ast.SetComp, "set"),
    (ast.Tuple, "tuple"),
    (ast.GeneratorExp, "iterable"),
    (ast.Compare, "truth"),
    (ast.Lambda, "function"),
)


def kind_of(node: ast.expr | None, kinds: dict[str, str] | None = None) -> str:
    """A coarse guess at what an expression gives; empty when the tree does not tell."""
    for cls, kind in _NODE_KINDS:
        if isinstance(node, cls):
            return kind
    match node:
        case ast.Constant(value=bool()):
            return "truth"
        case ast.Constant(value=int() | float() | complex()):
            return "number"
        case ast.Constant(value=str() | bytes()):
            return "text"
        case ast.UnaryOp(op=ast.Not()):
            return "truth"
        case ast.UnaryOp():
            return "number"
        case ast.BinOp():
            if isinstance(node.op, (ast.Sub, ast.Div, ast.FloorDiv, ast.Pow)):
                return "number"
            return kind_of(node.left, kinds) or kind_of(node.right, kinds)
        case ast.Call(func=ast.Name(id=name)):
            return _CALL_KINDS.get(name, "")
        case ast.Call(func=ast.Attribute(attr=name)):
            return _METHOD_KINDS.get(name, "")
        case ast.Name(id=name) if kinds:
            return kinds.get(name, "")
    return ""


_ANNOTATIONS = {
    "int": "number", "float": "number", "str": "text", "bytes": "text", "bool": "truth",
    "list": "list", "List": "list", "dict": "dict", "Dict": "dict", "set": "set", "Set": "set",
    "tuple": "tuple", "Tuple": "tuple", "Callable": "function", "Iterable": "iterable",
    "Iterator": "iterable", "Sequence": "list", "Mapping": "dict",
}  # fmt: skip


def _annotation_kind(node: ast.expr | None) -> str:
    if isinstance(node, ast.Subscript):
        node = node.value
    if isinstance(node, ast.Attribute):
        return _ANNOTATIONS.get(node.attr, "")
    return _ANNOTATIONS.get(node.id, "") if isinstance(node, ast.Name) else ""


@dataclass(frozen=True)
class Scope:
    """Names usable in one function (or at module level), nearest first."""

    parameters: tuple[str, ...]
    """Of this function and of those around it; `self` and `cls` are among them."""
    locals: tuple[str, ...]
    """Assigned in this function or those around it, parameters excluded."""
    globals: tuple[str, ...]
    """Assigned, imported or defined at module level."""
    functions: frozenset[str]
    """Names among the above that are functions or classes of the module."""
    modules: frozenset[str]
    """Names bound by imports."""
    kinds: dict[str, str]
    """Name → coarse kind, where known."""
    first_lines: dict[str, int]
    """Name → the line it is first bound at in the function."""
    uses: Counter[str]
    """How often each name is read in the function (or at module level)."""

    @property
    def variables(self) -> tuple[str, ...]:
        return (*self.parameters, *self.locals)

    def bound_before(self, line: int) -> list[str]:
        """Variables of the function that a statement at `line` may read."""
        return [name for name in self.variables if self.first_lines.get(name, 0) <= line]


def arguments_of(function: AnyFunction | ast.Lambda) -> list[ast.arg]:
    """All parameters in order, with `*args` and `**kwargs`."""
    parameters = function.args
    extra = [item for item in (parameters.vararg, parameters.kwarg) if item is not None]
    return [*parameters.posonlyargs, *parameters.args, *parameters.kwonlyargs, *extra]


def _own_nodes(root: ast.AST) -> list[ast.AST]:
    """Nodes of a function (or module) without those of functions and classes inside it."""
    nodes: list[ast.AST] = []
    stack = list(ast.iter_child_nodes(root))
    while stack:
        node = stack.pop()
        nodes.append(node)
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            stack.extend(ast.iter_child_nodes(node))
    return nodes


@lru_cache(maxsize=512)
def scope_of(module: Module, function: AnyFunction | None) -> Scope:
    """The scope of a function of the module; None for module level."""
    around = [function] if function else []
    if function:
        around += [
            ancestor
            for ancestor in module.ancestors(function)
            if isinstance(ancestor, (ast.FunctionDef, ast.AsyncFunctionDef))
        ]
    kinds: dict[str, str] = {}
    first: dict[str, int] = {}
    uses: Counter[str] = Counter()
    parameters: dict[str, None] = {}
    assigned_names: dict[str, None] = {}
    for depth, owner in enumerate(around):
        for item in arguments_of(owner):
            parameters[item.arg] = None
            kinds.setdefault(item.arg, _annotation_kind(item.annotation))
        _collect(_own_nodes(owner), kinds, first if depth == 0 else {}, uses, assigned_names)
    module_names, functions, imported_names = _module_names(module)
    return Scope(
        parameters=tuple(parameters),
        locals=tuple(name for name in assigned_names if name not in parameters),
        globals=module_names,
        functions=functions,
        modules=imported_names,
        kinds={**_module_kinds(module), **{name: kind for name, kind in kinds.items() if kind}},
        first_lines={name: line for name, line in first.items() if name not in parameters},
        uses=uses,
    )


def _collect(
    nodes: list[ast.AST],
    kinds: dict[str, str],
    first: dict[str, int],
    uses: Counter[str],
    assigned_names: dict[str, None],
) -> None:
    for node in sorted(nodes, key=lambda item: getattr(item, "lineno", 0)):
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                uses[node.id] += 1
            else:
                assigned_names[node.id] = None
                first.setdefault(node.id, node.lineno)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            assigned_names[node.name] = None
            first.setdefault(node.name, node.lineno)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            assigned_names[node.name] = None
            kinds[node.name] = "function"
            first.setdefault(node.name, node.lineno)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            _note_kind(node, kinds)


def _note_kind(node: ast.Assign | ast.AnnAssign, kinds: dict[str, str]) -> None:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    kind = kind_of(node.value, kinds)
    if isinstance(node, ast.AnnAssign):
        kind = _annotation_kind(node.annotation) or kind
    for target in targets:
        if isinstance(target, ast.Name) and kind:
            kinds.setdefault(target.id, kind)


@lru_cache(maxsize=128)
def _module_names(module: Module) -> tuple[tuple[str, ...], frozenset[str], frozenset[str]]:
    names: dict[str, None] = {}
    functions: set[str] = set()
    imported_names: set[str] = set()
    for node in _own_nodes(module.tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                name = alias.asname or alias.name.split(".")[0]
                if name != "*" and getattr(node, "module", "") != "__future__":
                    imported_names.add(name)
                    names[name] = None
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            functions.add(node.name)
            names[node.name] = None
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names[node.id] = None
    return tuple(names), frozenset(functions), frozenset(imported_names)


@lru_cache(maxsize=128)
def _module_kinds(module: Module) -> dict[str, str]:
    kinds: dict[str, str] = {}
    for node in module.tree.body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            _note_kind(node, kinds)
    return kinds


@lru_cache(maxsize=256)
def unread_parameters(function: AnyFunction | None) -> tuple[str, ...]:
    """Parameters that the function never reads: something was meant to depend on them."""
    if function is None:
        return ()
    arguments = function.args
    names = [arg.arg for arg in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    names_read = {
        node.id
        for statement in function.body
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    return tuple(name for name in names if name not in names_read and name not in ("self", "cls"))
