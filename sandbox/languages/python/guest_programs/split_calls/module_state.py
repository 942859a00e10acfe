"""What the modules of the project hold beside what their functions do, as text. Python 3.8+.

Two interpreters, one with a patch and one without, say so of the same modules: what differs can
be seen by whoever reads it, without a call. No method of a project's class is called.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
import types
from typing import Any, Dict, Iterator, List, Optional, Tuple

from ..marshalling.comparable import ComparableForm
from ..marshalling.errors import Unsendable
from ..marshalling.object_table import ObjectTable
from ..marshalling.value_kinds import dict_of, is_heap, name_of

ModuleState = Dict[str, List[Optional[str]]]
"""`module:Class.name` → how the value looks, and its literal where it is plain data."""

MAX_NAMES = 50_000
MAX_LITERAL_CHARACTERS = 10_000
_MODULES_OWN = frozenset(
    (
        "__annotations__ __builtins__ __cached__ __conditional_annotations__ __doc__ __file__ "
        "__loader__ __name__ __package__ __path__ __spec__ __warningregistry__"
    ).split()
)
_CLASSES_OWN = frozenset(
    (
        "__annotate_func__ __annotations__ __annotations_cache__ __classdictcell__ __dict__ "
        "__doc__ __firstlineno__ __module__ __qualname__ __static_attributes__ __weakref__ "
        "_abc_impl"
    ).split()
)
_PLAIN = (type(None), bool, int, float, str, bytes)


def module_state(modules: List[Any], workspace: str) -> ModuleState:
    """The state of these modules, and of the classes that are defined in them."""
    state: ModuleState = {}
    object_table = ObjectTable(1, sys.modules.get, dict)
    for module in modules:
        for name, value in _parts(module):
            if len(state) < MAX_NAMES:
                literal = repr(value) if _is_literal(value) else None
                if literal is not None and len(literal) > MAX_LITERAL_CHARACTERS:
                    literal = None
                state[name] = [_looks(value, workspace, object_table), literal]
    return state


def _parts(module: Any) -> Iterator[Tuple[str, Any]]:
    queue = [(n, v) for n, v in list(vars(module).items()) if n not in _MODULES_OWN]
    while queue:
        name, value = queue.pop()
        yield "{}:{}".format(module.__name__, name), value
        if isinstance(value, type) and name_of(value) == (module.__name__, name):
            members = [(n, v) for n, v in list(vars(value).items()) if n not in _CLASSES_OWN]
            queue += [("{}.{}".format(name, n), v) for n, v in members]


def _looks(value: Any, workspace: str, object_table: ObjectTable) -> str:
    if isinstance(value, type):
        return "class " + json.dumps([name_of(part) for part in value.__mro__])
    if isinstance(value, (staticmethod, classmethod)):
        return type(value).__name__ + " " + _looks(value.__func__, workspace, object_table)
    if isinstance(value, property):
        parts = (value.fget, value.fset, value.fdel)
        return "property " + " ".join(_looks(part, workspace, object_table) for part in parts)
    if isinstance(value, types.FunctionType):
        return _function(value, workspace)
    if isinstance(value, types.MemberDescriptorType):
        return "slot"
    return _seen(value, object_table)


def _function(value: Any, workspace: str) -> str:
    """The name of a function with a `def` of its own, which is called to see what it does; the
    code of the others. What waits cannot be called from the other side."""
    name, code = name_of(value), value.__code__
    is_project_code = code.co_filename.startswith(workspace)
    waits = code.co_flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR)
    if is_project_code and not waits and "<" not in value.__qualname__:
        return "function {}.{}".format(*name)
    cells = [_cell(cell) for cell in value.__closure__ or ()]
    return "function {} {} {}".format(name, _digest(code), cells)


def _cell(cell: Any) -> str:
    try:
        content = cell.cell_contents
    except ValueError:  # not filled yet
        return ""
    return repr(content) if type(content) in _PLAIN else type(content).__name__


def _digest(code: Any) -> str:
    parts = [code.co_code.hex(), repr(code.co_names)]
    parts += [_digest(c) if isinstance(c, types.CodeType) else repr(c) for c in code.co_consts]
    return hashlib.sha256(" ".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _seen(value: Any, object_table: ObjectTable) -> str:
    try:
        text = json.dumps(ComparableForm(object_table, value).shown)
    except (Unsendable, RecursionError, RuntimeError):
        text = type(value).__name__
    attributes = dict_of(value) if is_heap(type(value)) else None
    return "{} {} {}".format(name_of(type(value)), text, sorted(attributes or (), key=str))


def _is_literal(value: Any, depth: int = 0) -> bool:
    kind = type(value)
    if kind in _PLAIN:
        return kind is not float or value - value == 0  # `inf` and `nan` have no literal
    if depth > 20:
        return False
    if kind in (list, tuple) or (kind is set and value):
        return all(_is_literal(item, depth + 1) for item in list(value))
    if kind is dict:
        pairs = list(value.items())
        return all(_is_literal(k, depth + 1) and _is_literal(v, depth + 1) for k, v in pairs)
    return False
