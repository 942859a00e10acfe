"""Exceptions that the failing tests expect, as a statement may raise them."""

from __future__ import annotations

import ast
import builtins
import re
from functools import lru_cache

from agent.proposers.search.ingredients.site import Site
from agent.source.module import Module

_BUILTIN = tuple(
    name
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, Exception) and "Warning" not in name
)
_ENDINGS = ("Error", "Exception")
_PLAIN = re.compile(r"(?:\\\W|\.\*|[^\\*+?{}\[\]|()^$])+")
"""A pattern that finds its own text, with a blank for `.*`."""
_ESCAPED = re.compile(r"\\(\W)")
MAX_EXPECTED = 3


def expected(site: Site) -> list[str]:
    """Exceptions that the failing tests name, or that ended them, those of the project first; a
    failed claim says nothing."""
    tested = site.context.test.names
    names = site.context.names - ({"AssertionError"} - tested)
    own = [
        name
        for name in (*raised(site.module), *site.scope.globals)
        if name.rpartition(".")[2] in tested
        and name not in _BUILTIN
        and (name.endswith(_ENDINGS) or name in (*raised(site.module), *_made(site.module)))
    ]
    return [*dict.fromkeys(own), *(name for name in _BUILTIN if name in names)][:MAX_EXPECTED]


def ended_by(site: Site) -> list[str]:
    """Builtin exceptions that the failure speaks of; a failed claim is none."""
    names = site.context.message.names - {"AssertionError"}
    return [name for name in _BUILTIN if name in names]


def raises(site: Site) -> list[str]:
    """Statements that raise what is expected: with the words that a test looks for in it, and as a
    bare type."""
    words = told(site)
    return [
        f"raise {name}{arguments}"
        for name in expected(site)
        for arguments in (*([f"({words!r})"] if words else []), "")
    ]


def told(site: Site) -> str:
    """What a failing test looks for in the text of an exception; empty where it is nothing that can
    be written down. A test's pattern is never run here: it may take for ever."""
    for pattern in site.context.test.patterns:
        text = pattern.removeprefix("^").removesuffix("$")
        if _PLAIN.fullmatch(text):
            return _ESCAPED.sub(r"\1", text.replace(".*", " "))
    return ""


@lru_cache(maxsize=128)
def _made(module: Module) -> tuple[str, ...]:
    """Classes of the module that are made from exceptions, as the names of those tell."""
    return tuple(
        node.name
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef)
        and any(module.source(base).endswith(_ENDINGS) for base in node.bases)
    )


@lru_cache(maxsize=128)
def raised(module: Module) -> tuple[str, ...]:
    """Exception types that the module raises or handles, in order."""
    names: dict[str, None] = {}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ExceptHandler) and node.type is not None:
            items = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            names.update(dict.fromkeys(map(module.source, items)))
        elif isinstance(node, ast.Raise) and node.exc is not None:
            exception = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            text = module.source(exception)
            # What is raised without a call may be a variable that holds an exception.
            is_type = exception is not node.exc or text.rpartition(".")[2][:1].isupper()
            if isinstance(exception, (ast.Name, ast.Attribute)) and is_type:
                names[text] = None
    return tuple(names)
