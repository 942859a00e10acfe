"""Programs that stand in the tests as texts import what is there: no linter reads them, and a test
that starts one would wait for its end."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
_IMPORT = re.compile(
    r"^[ ]*from ((?:agent|benchmarks|cli|sandbox|tests|workers)(?:\.\w+)*) import ([\w ,]+)$",
    re.MULTILINE,
)


def texts_of(path: Path) -> Iterator[str]:
    """The texts of a module of several lines."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" in node.value:
            yield node.value


def imports() -> list[tuple[str, str, str]]:
    """File, module and name of each import of ours in a text of the tests."""
    found = {
        (path.relative_to(TOP).as_posix(), module, name.split()[0])
        for path in sorted((TOP / "tests").rglob("*.py"))
        for text in texts_of(path)
        for module, names in _IMPORT.findall(text)
        for name in names.split(",")
    }
    return sorted(found)


@cache
def names_of(module: str) -> frozenset[str]:
    """What can be imported from a module; nothing where there is none."""
    place = TOP.joinpath(*module.split("."))
    path = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    if not path.is_file():
        return frozenset()
    found = {one.stem for one in place.glob("*")} if place.is_dir() else set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            found |= {alias.asname or alias.name for alias in node.names}
    return frozenset(found)


@pytest.mark.parametrize(("path", "module", "name"), imports())
def test_what_a_program_imports_is_there(path: str, module: str, name: str) -> None:
    assert name in names_of(module), path
