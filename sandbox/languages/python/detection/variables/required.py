"""Names of variables that a project's Python code reads, and those it cannot do without."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sandbox.languages.python.detection.config_files import ConfigFiles

_MAX_FILES = 400
_READS = re.compile(rb"environ|getenv|\benv\b|\bconfig\(|BaseSettings")
_READERS = ("env", "environ", "config", "os")
"""Objects of django-environ, environs, python-decouple and the standard library."""


@dataclass(frozen=True, kw_only=True)
class ReadNames:
    """Names of variables in the project's code."""

    read: frozenset[str]
    required: frozenset[str]
    """Read without a default: the code ends where they are not set."""


def read_names(files: ConfigFiles) -> ReadNames:
    """Find the names in the files that look as if they read variables."""
    read: set[str] = set()
    required_names: set[str] = set()
    paths = [p for p in files.snapshot.python_files() if _READS.search(files.snapshot.read(p))]
    for path in paths[:_MAX_FILES]:
        for node in ast.walk(files.syntax(path)):
            for name, has_default in _names(node):
                read.add(name)
                required_names |= set() if has_default else {name}
    return ReadNames(read=frozenset(read), required=frozenset(required_names))


def _names(node: ast.AST) -> Iterator[tuple[str, bool]]:
    """Yield (name, whether there is a default) of the variables that one node reads."""
    if isinstance(node, ast.Subscript) and _last(node.value) == "environ":
        if isinstance(node.ctx, ast.Load) and (name := _text(node.slice)):
            yield name, False
    elif isinstance(node, ast.Call) and node.args and (name := _text(node.args[0])):
        parts = _dotted(node.func)
        if parts and parts[0] in _READERS and not {"setdefault", "pop"} & set(parts):
            optional = parts[-1] in ("get", "getenv") or len(node.args) > 1
            yield name, optional or any(keyword.arg == "default" for keyword in node.keywords)
    elif isinstance(node, ast.Assert):
        yield from ((name, False) for name in _asserted(node.test))
    elif isinstance(node, ast.ClassDef) and any(_last(b) == "BaseSettings" for b in node.bases):
        yield from _settings(node)


def _asserted(test: ast.expr) -> Iterator[str]:
    """`assert "NAME" in os.environ`."""
    if not isinstance(test, ast.Compare) or not isinstance(test.ops[0], ast.In):
        return
    if _last(test.comparators[0]) == "environ" and _text(test.left):
        yield _text(test.left)


def _settings(node: ast.ClassDef) -> Iterator[tuple[str, bool]]:
    """Fields of pydantic-settings: their names in capitals behind `env_prefix`, or an alias."""
    prefix = "".join(_prefixes(node))
    for statement in node.body:
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        if statement.target.id == "model_config":
            continue
        aliases = list(_aliases(statement.value))
        has_default = statement.value is not None and not _is_bare_field(statement.value)
        for name in aliases or [prefix + statement.target.id]:
            yield name.upper(), has_default


def _prefixes(node: ast.ClassDef) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.keyword) and inner.arg == "env_prefix":
            yield _text(inner.value)
            return
        if isinstance(inner, ast.Assign) and [_last(t) for t in inner.targets] == ["env_prefix"]:
            yield _text(inner.value)
            return


def _aliases(value: ast.expr | None) -> Iterator[str]:
    for keyword in value.keywords if isinstance(value, ast.Call) else []:
        if keyword.arg in ("env", "alias", "validation_alias") and _text(keyword.value):
            yield _text(keyword.value)


def _is_bare_field(value: ast.expr) -> bool:
    """`Field(...)` or a Field with neither a default nor a factory."""
    if not isinstance(value, ast.Call) or _last(value.func) != "Field":
        return isinstance(value, ast.Constant) and value.value is Ellipsis
    if value.args:
        return isinstance(value.args[0], ast.Constant) and value.args[0].value is Ellipsis
    return not {keyword.arg for keyword in value.keywords} & {"default", "default_factory"}


def _last(node: ast.expr) -> str:
    names: Collection[str] = _dotted(node)
    return list(names)[-1] if names else ""


def _dotted(node: ast.expr) -> list[str]:
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.insert(0, node.attr)
        node = node.value
    return [node.id, *names] if isinstance(node, ast.Name) else names


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
