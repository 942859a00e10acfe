"""Donor code: expressions and statements of the project that may be reused in an edit."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache

from agent.source.module import Module
from sandbox.syntax import AnyFunction

_TOKEN = re.compile(r"\w+|[^\w\s]")
_RICH = (
    ast.Call, ast.BinOp, ast.Compare, ast.BoolOp, ast.Subscript, ast.IfExp, ast.UnaryOp,
    ast.List, ast.Tuple, ast.Dict, ast.ListComp, ast.GeneratorExp, ast.Attribute,
)  # fmt: skip


@dataclass(frozen=True)
class Donor:
    """A piece of source with what it takes to rank it."""

    text: str
    kind: type[ast.AST]
    names: frozenset[str]
    tokens: frozenset[str]
    function: AnyFunction | None
    owner: ast.ClassDef | None
    line: int


def tokens_of(text: str) -> frozenset[str]:
    return frozenset(_TOKEN.findall(text))


def similarity(first: frozenset[str], second: frozenset[str]) -> float:
    """Jaccard similarity of two sets of tokens, 0..1."""
    if not first or not second:
        return 0.0
    return len(first & second) / len(first | second)


class DonorIndex:
    """The expressions and simple statements of one module, found by function and by name."""

    def __init__(self, module: Module) -> None:
        self.by_function: dict[AnyFunction | None, list[Donor]] = defaultdict(list)
        self.by_name: dict[str, list[Donor]] = defaultdict(list)
        self.statements: dict[AnyFunction | None, list[Donor]] = defaultdict(list)
        self._walk(module, module.tree, None, None)

    def _walk(
        self,
        module: Module,
        node: ast.AST,
        function: AnyFunction | None,
        owner: ast.ClassDef | None,
    ) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, _RICH) and _loaded(child) and module.reliable(child):
                donor = _donor(module, child, function, owner)
                if donor is not None:
                    self.by_function[function].append(donor)
                    for name in donor.names:
                        self.by_name[name].append(donor)
            elif isinstance(child, (ast.Assign, ast.AugAssign, ast.Expr, ast.Delete)):
                donor = _donor(module, child, function, owner)
                is_constant = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
                if donor is not None and not is_constant:
                    self.statements[function].append(donor)
            inner_function = (
                child if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)) else function
            )
            inner_owner = child if isinstance(child, ast.ClassDef) else owner
            self._walk(module, child, inner_function, inner_owner)


def _loaded(node: ast.AST) -> bool:
    return isinstance(getattr(node, "ctx", ast.Load()), ast.Load)


def _donor(
    module: Module, node: ast.AST, function: AnyFunction | None, owner: ast.ClassDef | None
) -> Donor | None:
    text = module.source(node)
    if "\n" in text or len(text) > 100 or len(text) < 3:
        return None
    names = frozenset(n.id for n in ast.walk(node) if isinstance(n, ast.Name))
    return Donor(text, type(node), names, tokens_of(text), function, owner, node.lineno)  # type: ignore[attr-defined]


@lru_cache(maxsize=64)
def donor_index(module: Module) -> DonorIndex:
    return DonorIndex(module)
