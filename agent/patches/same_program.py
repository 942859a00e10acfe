"""Whether two patches leave the same program behind: another layout makes no other patch."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping

from agent.patches.changes import FileChange
from sandbox.syntax import parse_module


def is_among(changes: Mapping[str, FileChange], others: Iterable[Mapping[str, FileChange]]) -> bool:
    """Whether a patch makes the same program of its base as one of the others does.

    Comments, blank lines, line breaks, quotes and brackets that change no meaning are no
    difference, nor is a further file in which nothing else is changed. Where a file cannot be
    parsed, or is no Python, its bytes count.
    """
    effects = _effects(changes)
    return any(_are_equal(effects, _effects(other)) for other in others)


def _effects(changes: Mapping[str, FileChange]) -> dict[str, FileChange]:
    """The files in which more than the layout changes; all, where that is everywhere the same."""
    effects = {path: change for path, change in changes.items() if not _are_same(path, *change)}
    return effects or dict(changes)


def _are_equal(some: Mapping[str, FileChange], others: Mapping[str, FileChange]) -> bool:
    return some.keys() == others.keys() and all(
        _are_same(path, some[path][1], others[path][1]) for path in some
    )


def _are_same(path: str, one: bytes | None, other: bytes | None) -> bool:
    if one == other:
        return True
    if one is None or other is None or not path.endswith((".py", ".pyi")):
        return False
    try:
        return ast.dump(parse_module(one)) == ast.dump(parse_module(other))
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # the last: it nests too deeply
        return False
