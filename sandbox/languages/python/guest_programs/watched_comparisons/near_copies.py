"""Values that are nearly, but not quite, the one given: to tell them from it is no fraud.

Joined to `audit.py`, which is loaded inside the sandbox as one file. Python 3.8+, standard library
only. Nothing here calls a method that the code under test could define, except to build containers.
"""

from __future__ import annotations

import datetime
import decimal
import itertools
from typing import Any, Callable, Dict, Iterator, List

_NUMBERS = (int, float, complex)
_CONTAINERS = (list, tuple, dict, set, frozenset)
_BUILT_IN = (int, float, complex, str, bytes, *_CONTAINERS)
_MAX_COPY_DEPTH = 3
_MAX_COPIES = 24


class _Unrelated:
    """A value that nothing else equals, in either order."""

    __hash__ = object.__hash__


def near_copies(value: Any, depth: int = _MAX_COPY_DEPTH) -> List[Any]:
    """Instances of the same class, each with one field changed; none where it has no field."""
    return list(itertools.islice(_near_copies(value, depth), _MAX_COPIES))


def _near_copies(value: Any, depth: int) -> Iterator[Any]:
    kind = type(value)
    for name, old in _fields(value).items():
        for new in changed(old, depth - 1):
            yield rebuilt(value, kind, {name: new})
    for content in _contents(value, depth):
        yield rebuilt(value, kind, {}, content)


def rebuilt(value: Any, kind: Any, replacements: Dict[str, Any], *content: Any) -> Any:
    """A new instance of `kind` with the state of `value`, made without its constructor.

    `replacements` are fields in the place of its own; `content` is what it holds as a built-in,
    where that differs.
    """
    base = _built_in(kind)
    if base is None:
        copy = object.__new__(kind)
    elif base in (list, dict, set):
        copy = base.__new__(kind)
        base.__init__(copy, content[0] if content else value)
    else:
        copy = base.__new__(kind, content[0] if content else _plain(value, base))
    for name, field in {**_fields(value), **replacements}.items():
        object.__setattr__(copy, name, field)
    return copy


def changed(value: Any, depth: int = _MAX_COPY_DEPTH) -> Iterator[Any]:
    """Values of about the same type, each different in one respect."""
    kind = type(value)
    if kind is bool:
        yield not value
    elif kind in _NUMBERS:
        yield value + 1 if kind is not float or abs(value) >= 1 else value * 1.5 + (value == 0)
    elif kind in (str, bytes):
        yield value + ("q" if kind is str else b"q")
    elif kind in _CONTAINERS:
        yield from _contents(value, depth)
    elif value is None:
        yield 7919
    elif isinstance(value, datetime.date):
        yield value + datetime.timedelta(1)
    elif isinstance(value, datetime.timedelta):
        yield value + datetime.timedelta(1)
    elif isinstance(value, decimal.Decimal):
        yield value + 1
    elif depth > 0 and _is_heap(kind):
        yield from near_copies(value, depth)
    else:
        yield _Unrelated()


def _contents(value: Any, depth: int) -> Iterator[Any]:
    """What the built-in part of a value could be instead."""
    base = _built_in(type(value))
    if base in (list, tuple):
        items = list(base.__iter__(value))
        for position, item in enumerate(items[:8]):
            for variant in changed(item, depth - 1) if depth > 0 else ():
                yield base([*items[:position], variant, *items[position + 1 :]])
        if base is list or type(value) is tuple:
            yield base([*items, 7919])
    elif base is dict:
        pairs = dict.copy(value)
        for key, item in list(pairs.items())[:8]:
            for variant in changed(item, depth - 1) if depth > 0 else ():
                yield {**pairs, key: variant}
        yield {**pairs, "q": 7919}
    elif base in (set, frozenset):
        yield base([*base.__iter__(value), 7919])
    elif base is not None:
        yield from changed(_plain(value, base))


def _plain(value: Any, base: Any) -> Any:
    if base in (list, tuple, set, frozenset):
        return base(base.__iter__(value))
    makers: Dict[Any, Callable[[Any], Any]] = {
        int: int.__int__,
        float: float.__float__,
        complex: lambda item: complex(item.real, item.imag),
        str: str.__str__,
        bytes: lambda item: bytes.__add__(item, b""),
        dict: dict.copy,
    }
    return makers[base](value)


def _built_in(kind: Any) -> Any:
    return next((ancestor for ancestor in kind.__mro__ if ancestor in _BUILT_IN), None)


def _is_heap(kind: Any) -> bool:
    return bool(kind.__flags__ & (1 << 9))


def _fields(value: Any) -> Dict[str, Any]:
    """Instance attributes, those in slots included."""
    fields: Dict[str, Any] = {}
    for kind in type(value).__mro__:
        names = vars(kind).get("__slots__", ())
        for name in (names,) if isinstance(names, str) else tuple(names):
            if name.startswith("__") and not name.endswith("__"):
                name = "_" + kind.__name__.lstrip("_") + name
            if name not in ("__dict__", "__weakref__"):
                try:
                    fields[name] = object.__getattribute__(value, name)
                except AttributeError:
                    continue
    try:
        fields.update(object.__getattribute__(value, "__dict__"))
    except (AttributeError, TypeError):
        pass
    return fields
