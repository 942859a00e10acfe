"""Short, safe pictures of values: no method of a project's own class is ever called.

Python 3.8+, standard library only.
"""

from __future__ import annotations

import types
from typing import Any, Dict, Optional

MAX_TEXT_CHARACTERS = 120
MAX_SHOWN_ITEMS = 8
MAX_VALUE_DEPTH = 3
MAX_SHOWN_ATTRIBUTES = 20
SCALARS = (bool, float, complex, type(None), type(Ellipsis))


def picture(value: Any, depth: int = MAX_VALUE_DEPTH) -> str:
    """A literal where the value is a built-in scalar or a small container of them."""
    kind = type(value)
    if kind in SCALARS:
        return repr(value)
    if kind is int:
        return (
            repr(value)
            if value.bit_length() < 400
            else "<int of {} bits>".format(value.bit_length())
        )
    if kind in (str, bytes, bytearray):
        return _text(value)
    if kind in (list, tuple, set, frozenset):
        return _sequence(value, kind, depth)
    if kind is dict:
        return _mapping(value, depth)
    return "<{}.{}>".format(kind.__module__, kind.__qualname__)


def _text(value: Any) -> str:
    if len(value) <= MAX_TEXT_CHARACTERS:
        return repr(value)
    return "<{} of {}: {}...>".format(
        type(value).__name__, len(value), repr(value[:MAX_TEXT_CHARACTERS])
    )


def _sequence(value: Any, kind: type, depth: int) -> str:
    if len(value) > MAX_SHOWN_ITEMS or (depth == 0 and value):
        preview = ""
        if depth and kind in (list, tuple):
            preview = ": " + ", ".join(picture(item, depth - 1) for item in value[:MAX_SHOWN_ITEMS])
        return "<{} of {}{}>".format(kind.__name__, len(value), preview)
    inner = ", ".join([picture(item, depth - 1) for item in tuple(value)])
    if kind is list:
        return "[" + inner + "]"
    if kind is tuple:
        return "(" + inner + ("," if len(value) == 1 else "") + ")"
    if kind is set:
        return "{" + inner + "}" if value else "set()"
    return "frozenset({" + inner + "})" if value else "frozenset()"


def _mapping(value: Dict[Any, Any], depth: int) -> str:
    if len(value) > MAX_SHOWN_ITEMS or (depth == 0 and value):
        return "<dict of {}>".format(len(value))
    return (
        "{"
        + ", ".join(
            picture(name, depth - 1) + ": " + picture(item, depth - 1)
            for name, item in list(value.items())
        )
        + "}"
    )


def pictures(variables: Dict[str, Any], limit: int = 40) -> Dict[str, str]:
    """The local variables of a frame, by name; names that the compiler made up are left out."""
    texts: Dict[str, str] = {}
    for name, value in list(variables.items())[:limit]:
        if name.isidentifier():
            texts[name] = picture(value)
    return texts


def attribute_pictures(variables: Dict[str, Any], limit: int = 40) -> Dict[str, str]:
    """`self.size` → a picture of it, of the attributes that the objects among the variables hold
    themselves."""
    texts: Dict[str, str] = {}
    for name, value in list(variables.items())[:limit]:
        attributes = _held(value) if name.isidentifier() else None
        for attribute, item in list((attributes or {}).items())[:MAX_SHOWN_ATTRIBUTES]:
            if type(attribute) is str and attribute.isidentifier():
                texts[name + "." + attribute] = picture(item)
    return texts


def _held(value: Any) -> Optional[Dict[str, Any]]:
    """The attributes of an object of a class of somebody's own, without asking its class."""
    kind = type(value)
    if kind.__module__ == "builtins" or issubclass(kind, (type, types.ModuleType)):
        return None
    mro = type.__dict__["__mro__"].__get__(kind)
    descriptors = [vars(base)["__dict__"] for base in mro if "__dict__" in vars(base)]
    if not descriptors or type(descriptors[0]) is not types.GetSetDescriptorType:
        return None
    attributes = object.__getattribute__(value, "__dict__")
    return attributes if type(attributes) is dict else None
