"""How the project's own names are imported: issues often leave the import out."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Mapping

from sandbox.syntax import parse_module

MAX_INDEXED_FILES = 400


def importable_names(
    sources: Iterable[tuple[str, str]], roots: Collection[str], modules: Collection[str]
) -> Mapping[str, str]:
    """Name → the statement that imports it: the project's modules, and what they define at their
    top, where only one of them does.

    `sources` are path and text of the project's source files, `roots` the folders to import
    from, `modules` the top-level names found there.
    """
    imports_by_name: dict[str, set[str]] = {}
    top: dict[str, str] = {}
    for number, (path, text) in enumerate(sources):
        name = _module_name(path, roots, modules)
        if name is None or number >= MAX_INDEXED_FILES:
            continue
        package = name.partition(".")[0]
        top[package] = f"import {package}"
        for symbol in _defined(text):
            imports_by_name.setdefault(symbol, set()).add(f"from {name} import {symbol}")
    single = {name: next(iter(ways)) for name, ways in imports_by_name.items() if len(ways) == 1}
    return {**single, **top}


def _module_name(path: str, roots: Collection[str], modules: Collection[str]) -> str | None:
    containing_roots = [root for root in roots if root != "." and path.startswith(f"{root}/")]
    relative_path = (
        path.removeprefix(f"{max(containing_roots, key=len)}/") if containing_roots else path
    )
    parts = relative_path.removesuffix(".py").split("/")
    if parts[-1] == "__init__":
        parts.pop()
    is_importable = parts and parts[0] in modules and all(part.isidentifier() for part in parts)
    return ".".join(parts) if is_importable else None


def _defined(text: str) -> set[str]:
    try:
        tree = parse_module(text)
    except (SyntaxError, ValueError, RecursionError):
        return set()
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return {node.name for node in tree.body if isinstance(node, kinds) and node.name[:1] != "_"}
