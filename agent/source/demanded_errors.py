"""Which errors a test demands: `pytest.raises(ValueError)` and its like."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Collection, Iterable, Iterator

from agent.source.trees import tree_of

_DEMANDS = frozenset(["raises", "assertRaises", "assertRaisesRegex"])
_BROAD = frozenset(["BaseException", "Exception"])
"""Demanding one of these excuses no other error: nearly all are of that kind."""


def demanded_errors(test_texts: Iterable[str]) -> frozenset[str]:
    """Names of the classes, without their module, that these sources of tests demand."""
    trees = (tree_of(text.encode("utf-8", "surrogateescape")) for text in test_texts)
    return frozenset(
        name
        for tree in trees
        if tree is not None
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for name in _demanded(node)
    )


def is_demanded(name: str, demanded: Collection[str]) -> bool:
    """Whether a class of errors is one of these, or a built-in one below one of these."""
    if name in demanded:
        return True
    kind = getattr(builtins, name, None)
    above = kind.__mro__ if isinstance(kind, type) else ()
    return any(base.__name__ in demanded and base.__name__ not in _BROAD for base in above)


def _demanded(call: ast.Call) -> Iterator[str]:
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if name not in _DEMANDS:
        return
    keywords = [word.value for word in call.keywords if word.arg == "expected_exception"]
    for kind in [*call.args[:1], *keywords]:
        for element in kind.elts if isinstance(kind, ast.Tuple) else [kind]:
            yield getattr(element, "attr", getattr(element, "id", ""))
