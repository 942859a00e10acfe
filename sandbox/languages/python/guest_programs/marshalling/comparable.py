"""Values as plain data, to compare what one function does in two interpreters. Python 3.8+.

Both sides hold the same code, so nothing has to be rebuilt and more can be shown than can cross:
objects of local classes, too. No method of a project's class is called.
"""

from __future__ import annotations

import collections
import enum
import json
import re
import types
from typing import Any, List

from .errors import Unsendable
from .handles import HANDLES
from .object_table import ObjectTable
from .value_kinds import (
    BY_VALUE,
    CONTAINER_BASES,
    IMMUTABLE_BASES,
    PLAIN_CONTAINERS,
    SCALARS,
    SINGLETONS,
    is_function,
    is_iterator,
    name_of,
    solid_base,
    speaks_for_itself,
    state_of,
)

MAX_VALUE_PARTS = 20_000
_LETTERS = {kind: letter for letter, kind in HANDLES.items()}


class ComparableForm:
    """One value, seen once: `shown` is JSON, `hidden` says what of it cannot be seen."""

    def __init__(self, object_table: ObjectTable, value: Any) -> None:
        self.hidden = ""
        self._object_table, self._names, self._parts = object_table, object_table.named_objects(), 0
        self._inside: List[int] = []
        self.shown = self._of(value)

    def _of(self, value: Any) -> Any:
        self._parts += 1
        if self._parts > MAX_VALUE_PARTS:
            return self._hide("a value of more than {} parts".format(MAX_VALUE_PARTS), ["..."])
        kind = type(value)
        if (
            id(value) in self._object_table.kept
        ):  # the caller's own, of which the other side has a handle
            return [self._object_table.kept[id(value)][0]]
        if kind in _LETTERS:
            return [_LETTERS[kind]]
        if kind in SCALARS:
            return hex(value) if kind is int and value.bit_length() > 2000 else value
        if kind in BY_VALUE:
            return [name_of(kind), [self._of(part) for part in BY_VALUE[kind](value)]]
        if kind is re.Pattern:
            return ["p", self._of(value.pattern), value.flags]
        for name, single in SINGLETONS.items():
            if value is single:
                return ["1", name]
        if isinstance(value, enum.Enum):
            return ["e", name_of(kind), self._of(value._value_)]
        if isinstance(value, types.ModuleType):
            return ["m", value.__name__]
        if isinstance(value, type) or is_function(value):
            return self._named(value)
        if id(value) in self._names:
            return ["g", self._names[id(value)]]
        if id(value) in self._inside:
            return ["^", len(self._inside) - self._inside.index(id(value))]
        self._inside.append(id(value))
        try:
            return self._whole(value, kind)
        finally:
            self._inside.pop()

    def _named(self, value: Any) -> Any:
        name = name_of(value)
        if self._object_table.found(name) is value:
            return ["k", name]
        letter = "k" if isinstance(value, type) else "f"
        return self._hide("what `{}` does".format(name[1]), [letter])

    def _whole(self, value: Any, kind: Any) -> Any:
        if isinstance(value, types.MethodType):
            return ["M", self._of(value.__self__), value.__func__.__name__]
        if kind is object:
            return ["b"]
        if is_iterator(kind):
            return self._hide("what is in an iterator", ["i"])
        if kind is tuple or kind is frozenset or kind in PLAIN_CONTAINERS:
            return [kind.__name__, self._items(value, kind)]
        try:
            base = solid_base(kind)
        except Unsendable as error:
            return self._hide(str(error), ["s"])
        content = None
        if base in CONTAINER_BASES or base is tuple or base is frozenset:
            content = self._items(value, base)
        elif base in IMMUTABLE_BASES:
            content = self._of(base(value))
        elif base is BaseException:
            content = self._of(value.args)
        state = [[name, self._of(part)] for name, part in state_of(value)]
        if speaks_for_itself(kind):
            self._hide("what an object of the class {} answers".format(kind.__qualname__), None)
        return ["o", name_of(kind), content, sorted(state, key=lambda entry: entry[0])]

    def _items(self, value: Any, base: Any) -> Any:
        if issubclass(base, dict):
            pairs = [[self._of(k), self._of(v)] for k, v in dict.items(value)]
            return [self._of(getattr(value, "default_factory", None)), pairs]
        items = [self._of(item) for item in base.__iter__(value)]
        if base is collections.deque:
            return [value.maxlen, items]
        # The order of a set is another in each interpreter.
        return sorted(items, key=json.dumps) if base in (set, frozenset) else items

    def _hide(self, description: str, form: Any) -> Any:
        self.hidden = self.hidden or description
        return form
