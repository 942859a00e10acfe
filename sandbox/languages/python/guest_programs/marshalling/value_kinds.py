"""What a value is made of, seen without running code of its class. Python 3.8+."""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import pathlib
import struct
import types
import uuid
from typing import Any, Callable, Dict, List, Optional, Tuple

from .errors import Unsendable

SCALARS = frozenset([type(None), bool, int, float, str])
BY_VALUE: Dict[Any, Callable[[Any], List[Any]]] = {
    datetime.date: lambda v: [v.year, v.month, v.day],
    datetime.timedelta: lambda v: [v.days, v.seconds, v.microseconds],
    datetime.time: lambda v: [v.hour, v.minute, v.second, v.microsecond, v.tzinfo],
    datetime.datetime: lambda v: [
        *(v.year, v.month, v.day, v.hour, v.minute, v.second, v.microsecond, v.tzinfo)
    ],
    datetime.timezone: lambda v: list(v.__getinitargs__()),
    decimal.Decimal: lambda v: [str(v)],
    fractions.Fraction: lambda v: [v.numerator, v.denominator],
    uuid.UUID: lambda v: [v.hex],
    complex: lambda v: [v.real, v.imag],
    range: lambda v: [v.start, v.stop, v.step],
    slice: lambda v: [v.start, v.stop, v.step],
    bytes: lambda v: [list(v)],
}
for _path in (pathlib.PurePosixPath, pathlib.PureWindowsPath, pathlib.PosixPath):
    BY_VALUE[_path] = lambda v: [str(v)]
VALUE_TYPES = {"{}.{}".format(k.__module__, k.__qualname__): k for k in BY_VALUE}
SINGLETONS = {"...": Ellipsis, "NotImplemented": NotImplemented}
UNNAMED_TYPES = {"NoneType": type(None), "ellipsis": type(Ellipsis)}
CONTAINER_BASES = (
    list,
    dict,
    set,
    collections.OrderedDict,
    collections.defaultdict,
    collections.deque,
)
_POINTER_BYTES = struct.calcsize("P")
_STATELESS = (object, datetime.tzinfo)
IMMUTABLE_BASES = (int, float, str, bytes, tuple, frozenset, complex)
PLAIN_CONTAINERS = frozenset([list, dict, set, bytearray])


def name_of(value: Any) -> Tuple[str, str]:
    return (str(getattr(value, "__module__", None)), str(getattr(value, "__qualname__", "")))


def is_function(value: Any) -> bool:
    return isinstance(
        value,
        (types.FunctionType, types.BuiltinFunctionType, types.MethodDescriptorType, type(len)),
    )


def is_iterator(kind: Any) -> bool:
    """Whether a class is a built-in kind of iterator, whose state nobody can see."""
    return hasattr(kind, "__next__") and hasattr(kind, "__iter__") and not is_heap(kind)


def is_heap(kind: Any) -> bool:
    """Made by a class statement (Py_TPFLAGS_HEAPTYPE), or as good as."""
    return bool(kind.__flags__ & (1 << 9)) and kind.__module__ != "itertools"


def solid_base(kind: Any) -> Any:
    """The built-in type whose layout instances have. Raises Unsendable for one with state that
    nobody can see from Python."""
    for ancestor in kind.__mro__:
        if not ancestor.__flags__ & (1 << 9):
            if kind.__basicsize__ - ancestor.__basicsize__ > _POINTER_BYTES * (
                2 + len(slots_of(kind))
            ):
                break  # more than a `__dict__`, weak references and slots: written in C
            if ancestor in _STATELESS or ancestor in CONTAINER_BASES or ancestor in IMMUTABLE_BASES:
                return ancestor
            if issubclass(ancestor, BaseException):
                return BaseException
            break
    raise Unsendable("an object of the type {}.{}".format(kind.__module__, kind.__qualname__))


_COMPARISONS = frozenset(
    ["__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__contains__", "__bool__"]
)


def compares(kind: Any) -> bool:
    return any(
        is_heap(ancestor) and _COMPARISONS & vars(ancestor).keys() for ancestor in kind.__mro__
    )


_READING_METHODS = frozenset(
    [
        *("__len__", "__iter__", "__getitem__", "__contains__", "__str__", "__format__"),
        *("__int__", "__float__", "__index__", "__round__", "__abs__", "__mod__"),
        *("__add__", "__radd__", "__sub__", "__rsub__", "__mul__", "__rmul__"),
    ]
)


def speaks_for_itself(kind: Any) -> bool:
    """Whether what an object holds says little of what it answers: it has attributes that it
    does not hold, or reads in another way than the built-in type it derives from."""
    classes = [ancestor for ancestor in kind.__mro__ if is_heap(ancestor)]
    if any(
        "__getattr__" in vars(ancestor) or "__getattribute__" in vars(ancestor)
        for ancestor in classes
    ):
        return True
    base = next(
        (ancestor for ancestor in kind.__mro__ if not is_heap(ancestor) and ancestor is not object),
        None,
    )
    if base is None or not issubclass(base, IMMUTABLE_BASES + CONTAINER_BASES):
        return False
    members = _READING_METHODS | {name for name in vars(base) if not name.startswith("_")}
    return any(members & vars(ancestor).keys() & set(dir(base)) for ancestor in classes)


def dict_of(value: Any) -> Optional[Dict[str, Any]]:
    try:
        attributes = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return None
    return attributes if type(attributes) is dict else None


def slots_of(kind: Any) -> Dict[str, Any]:
    return {
        name: member
        for ancestor in reversed(kind.__mro__)
        for name, member in vars(ancestor).items()
        if isinstance(member, types.MemberDescriptorType) and ancestor.__flags__ & (1 << 9)
    }


def has_value(member: Any, value: Any) -> bool:
    try:
        member.__get__(value)
    except AttributeError:
        return False
    return True


def state_of(value: Any) -> List[Tuple[str, Any]]:
    parts = list((dict_of(value) or {}).items())
    for name, member in slots_of(type(value)).items():
        if has_value(member, value):
            parts.append((name, member.__get__(value)))
    return parts
