"""Values on their way out: plain data that says what they are made of. Python 3.8+."""

from __future__ import annotations

import collections
import enum
import json
import re
import types
from typing import Any, Dict, List, Tuple

from .errors import Foreign, Unsendable
from .handles import Handle
from .object_table import ObjectTable
from .value_kinds import (
    BY_VALUE,
    CONTAINER_BASES,
    IMMUTABLE_BASES,
    PLAIN_CONTAINERS,
    SCALARS,
    SINGLETONS,
    compares,
    is_function,
    is_iterator,
    name_of,
    solid_base,
    state_of,
)


class Packer:
    """Encodes values and what has changed in the objects of the object table."""

    def __init__(self, peer: Any, object_table: ObjectTable) -> None:
        self._peer, self._object_table = peer, object_table
        self._names: Dict[int, Tuple[str, str]] = {}

    def pack(self, value: Any) -> Dict[str, Any]:
        """A value with everything that changed since the last message."""
        self._names = self._object_table.named_objects()
        payload = self._encode(value)
        nodes: List[Any] = []
        texts: Dict[int, str] = {}
        objects = self._object_table.objects
        while len(texts) < len(objects):  # looking at one may find others
            for number in [n for n in objects if n not in texts]:
                content = self._content(objects[number])
                texts[number] = json.dumps(content)
                if self._object_table.said.get(number) != texts[number]:
                    nodes.append([number, content])
        self._object_table.said = texts
        return {"value": payload, "nodes": nodes}

    def _encode(self, value: Any) -> Any:
        kind = type(value)
        if issubclass(kind, Handle):
            if value._peer is self._peer:
                return ["@", value._number]
            raise Unsendable("an object of another line")
        if kind in SCALARS:
            big = kind is int and value.bit_length() > 2000
            return ["x", "int", [hex(value), 16]] if big else value
        if kind is tuple or kind is frozenset:
            return ["t" if kind is tuple else "F", [self._encode(item) for item in value]]
        if kind in BY_VALUE:
            name = "{}.{}".format(kind.__module__, kind.__qualname__)
            return ["x", name, [self._encode(part) for part in BY_VALUE[kind](value)]]
        if kind is re.Pattern:
            return ["p", self._encode(value.pattern), value.flags]
        for name, single in SINGLETONS.items():
            if value is single:
                return ["1", name]
        if isinstance(value, enum.Flag):  # several joined have no name of their own
            return ["E", self._name(kind), value.value]
        if isinstance(value, enum.Enum):
            return ["e", self._name(kind), value.name]
        if isinstance(value, types.ModuleType):
            return ["m", value.__name__]
        if isinstance(value, type) or is_function(value):
            return self._named(value)
        if isinstance(value, types.MethodType):
            return ["M", self._encode(value.__self__), value.__func__.__name__]
        mark = self._names.get(id(value))
        if mark is not None:
            return ["g", mark]
        if kind is object or is_iterator(kind):
            return self._object_table.keep(value, "b" if kind is object else "i")
        return self._reference(value)

    def _name(self, value: Any) -> Tuple[str, str]:
        """A class may stand in its module under another name than it gives itself."""
        return self._names.get(id(value)) or name_of(value)

    def _named(self, value: Any) -> Any:
        name = self._name(value)
        if self._object_table.found(name) is value:
            return ["k", name]
        if isinstance(value, type):
            raise Unsendable("the class {} is not known by its name".format(name[1]))
        return self._object_table.keep(value, "f")

    def _reference(self, value: Any) -> Any:
        number = self._object_table.numbers.get(id(value))
        if number is not None:
            return ["r", number]
        try:
            self._check(type(value))
        except Unsendable:
            if not self._object_table.asks:
                raise
            return self._object_table.keep(value, "s")
        return ["r", self._object_table.add(value)]

    def _check(self, kind: Any) -> None:
        """Check that a class can cross.

        Raises Unsendable where the other side cannot have an object of this class.
        """
        if kind in PLAIN_CONTAINERS:
            return
        solid_base(kind)
        if self._object_table.found(self._name(kind)) is not kind:
            error = Foreign if compares(kind) else Unsendable
            raise error("an object of the local class {}".format(kind.__qualname__))

    def _content(self, value: Any) -> List[Any]:
        kind = type(value)
        if kind is bytearray:
            return ["y", list(value)]
        if kind in PLAIN_CONTAINERS:
            return [kind.__name__, self._items(value, kind)]
        base = solid_base(kind)
        payload: Any = None
        if base in CONTAINER_BASES:
            payload = self._items(value, base)
        elif base in IMMUTABLE_BASES:
            payload = self._encode(base(value))
        elif base is BaseException:
            payload = self._encode(value.args)
        state = [[name, self._encode(part)] for name, part in state_of(value)]
        return ["o", self._name(kind), payload, state, compares(kind)]

    def _items(self, value: Any, base: Any) -> List[Any]:
        if issubclass(base, dict):
            pairs = [[self._encode(k), self._encode(v)] for k, v in dict.items(value)]
            if base is collections.defaultdict:
                return [self._encode(value.default_factory), pairs]
            return pairs
        items = [self._encode(item) for item in base.__iter__(value)]
        return [value.maxlen, items] if base is collections.deque else items
