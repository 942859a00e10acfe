"""What a file refers to of the machine without calling it, where no watch sees it asked.

Calls are seen while the patch answers. A value is only read, and a function of C that is handed
to other C code (`map(os.fstat, ...)`) is called where nobody looks.
"""

from __future__ import annotations

import ast
import datetime
import functools
import importlib
import re
import types
from collections.abc import Iterator, Mapping

_MODULES = frozenset(
    ["datetime", "fcntl", "grp", "locale", "os", "posix", "pwd", "resource", "select", "signal",
     "socket", "ssl", "sys", "termios", "time"]
)  # fmt: skip
_VALUES = frozenset(
    ["posix.environ", "time.altzone", "time.daylight", "time.timezone", "time.tzname"]
)
_COMPUTING = frozenset(
    ["os.close", "os.fspath", "os.strerror", "sys.getdefaultencoding", "sys.getsizeof",
     "time.sleep"]
)  # fmt: skip


_OF_THE_PROCESS = re.compile(
    r"""(abc\.get_cache_token|(asyncio|asyncio\.events)\.(all_tasks|current_task|get_\w*loop\w*)
    |linecache\.cache|logging\.(root|lastResort|_startTime)(\.\w+)*
    |os\.environb?\._\w+|pdb\.set_trace\.\w+|tempfile\.tempdir
    |sys\.(__std\w+__|meta_path|path_hooks|path_importer_cache
    |std(in|out|err)\.(line_buffering|mode|name|newlines|write_through)
    |argv|dont_write_bytecode|exception|flags|last_\w+|modules|orig_argv
    |tracebacklimit|warnoptions|_(current_\w+|getframe\w*|xoptions))
    |warnings\.(defaultaction|filters|onceregistry)|weakref\.getweakref\w+
    |(concurrent\.futures\.thread|multiprocessing(\.process)?|threading|warnings)\._[a-z]\w*
    |asyncio(\.events|\.tasks)?\._[a-z]\w*|encodings\._cache|fnmatch\._\w+|logging\._handler\w*
    |re\._cache|tempfile\._name_sequence)""",
    re.VERBOSE,
)
"""Values of the standard library that say what the process has done, functions of C that do, and
what those modules keep to themselves."""
_KEPT_BY_PYTHON = frozenset(["MemoryError", "__context__", "__warningregistry__"])
"""Names by which an exception or a module tells what went before, or that memory is short."""


def process_references(tree: ast.Module) -> Iterator[str]:
    """What reads the state of the process and is no call: `warnings.filters`, `threading._active`,
    `__context__`, and a `raise` that works only where an exception is being handled."""
    names = imported_names(tree)
    callee_ids = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    handled_ids = {
        id(node)
        for handler in ast.walk(tree)
        if isinstance(handler, ast.ExceptHandler)
        for node in ast.walk(handler)
    }
    for node in ast.walk(tree):
        name = "" if id(node) in callee_ids else dotted_name(node, names)
        if _OF_THE_PROCESS.fullmatch(name):
            yield name
        elif (word := _word(node)) in _KEPT_BY_PYTHON:
            yield word
        elif isinstance(node, ast.Raise) and node.exc is None and id(node) not in handled_ids:
            yield "raise"


def _word(node: ast.AST) -> str:
    """An attribute, a name, or a text that may be used as one."""
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Name):
        return node.id
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def machine_references(tree: ast.Module) -> Iterator[str]:
    """Dotted names such as `os.fstat` that are referred to otherwise than as what is called."""
    names = imported_names(tree)
    callee_ids = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        name = "" if id(node) in callee_ids else dotted_name(node, names)
        if name in _VALUES or _is_machine_function(name):
            yield name


def imported_names(tree: ast.Module) -> dict[str, str]:
    """Name in this file → what it stands for."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                names[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def dotted_name(node: ast.AST, names: Mapping[str, str]) -> str:
    """`os.environ`, whatever the file calls it; empty for what is no name of a module."""
    if isinstance(node, ast.Name):
        return names.get(node.id, "")
    if isinstance(node, ast.Attribute):
        inner = dotted_name(node.value, names)
        return f"{inner}.{node.attr}" if inner else ""
    if isinstance(node, ast.Call) and len(node.args) > 1 and _is_getattr(node):
        inner, attribute = dotted_name(node.args[0], names), node.args[1]
        if inner and isinstance(attribute, ast.Constant) and isinstance(attribute.value, str):
            return f"{inner}.{attribute.value}"
    return ""


def _is_getattr(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Name) and node.func.id == "getattr"


@functools.cache
def _is_machine_function(name: str) -> bool:
    """Whether a dotted name is a function of C that may ask the machine."""
    top, _, member = name.partition(".")
    if top not in _MODULES or not member or name in _COMPUTING:
        return False
    try:
        value: object = importlib.import_module(top)
    except ImportError:
        return False
    for part in member.split("."):
        value = getattr(value, part, None)
    return isinstance(value, types.BuiltinFunctionType) and (top != "datetime" or member in _CLOCKS)


_CLOCKS = frozenset(
    f"{kind.__name__}.{name}"
    for kind in (datetime.date, datetime.datetime)
    for name in ("fromtimestamp", "now", "today", "utcnow")
)
