"""Values on their way in, made without running code that the other peer chose. Python 3.8+."""

from __future__ import annotations

import collections
import enum
import json
import re
import types
from typing import Any, Callable, Dict, List

from .errors import Foreign, Unsendable
from .handles import HANDLES, Handle
from .object_table import ObjectTable
from .value_kinds import (
    CONTAINER_BASES,
    IMMUTABLE_BASES,
    PLAIN_CONTAINERS,
    SINGLETONS,
    VALUE_TYPES,
    dict_of,
    has_value,
    is_function,
    is_heap,
    slots_of,
    solid_base,
)


class Unpacker:
    """Decodes values from messages, and brings the objects of the object table up to date."""

    def __init__(
        self, peer: Any, object_table: ObjectTable, may_hold: Callable[[Any], bool]
    ) -> None:
        self._peer, self._object_table = peer, object_table
        self._may_hold = may_hold
        """Whether instances of this class may be made from what the other peer says."""
        self._waiting: Dict[int, List[Any]] = {}
        self._peer_handles: Dict[int, Handle] = {}

    def unpack(self, message: Dict[str, Any]) -> Any:
        """The value of a message, after the changes it speaks of. Raises Unsendable."""
        try:
            nodes = {int(number): content for number, content in message["nodes"]}
            self._waiting = nodes
            for number in nodes:
                self._object(number)
            order = {"o": 0, "list": 1, "y": 1}
            for number in sorted(nodes, key=lambda n: order.get(nodes[n][0], 2)):
                self._fill(self._object_table.objects[number], nodes[number])
            for number, content in nodes.items():
                self._object_table.said[number] = json.dumps(content)
            return self._decode(message["value"])
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise Unsendable("{}: {}".format(type(error).__name__, error)) from error

    def _object(self, number: int) -> Any:
        """The object of this number, empty where it is new."""
        if number in self._object_table.objects:
            return self._object_table.objects[number]
        content = self._waiting[number]
        plain = {"list": list, "dict": dict, "set": set, "y": bytearray}.get(content[0])
        if plain is not None:
            value: Any = plain()
        else:
            value = self._instance(content)
        self._object_table.know(number, value)
        return value

    def _instance(self, content: List[Any]) -> Any:
        _, name, payload, _, compares = content
        if self._object_table.found(tuple(name)) is None:
            plain = self._decode(payload) if isinstance(payload, (int, float, str)) else None
            if plain is not None:
                return plain  # its value counts, not what its class thinks of it
            why = "an object of the class {}, which only one of the two sandboxes has"
            raise (Foreign if compares else Unsendable)(why.format(name[1]))
        kind = self._class(name)
        base = solid_base(kind)
        if base in IMMUTABLE_BASES:
            return base.__new__(kind, self._decode(payload))
        if base is BaseException:
            built_in = next(ancestor for ancestor in kind.__mro__ if not is_heap(ancestor))
            args = self._decode(payload)
            instance = built_in.__new__(kind, *args)
            built_in.__init__(instance, *args)  # fills what only C code sees, as in StopIteration
            return instance
        if base is collections.deque:
            instance = base.__new__(kind)
            base.__init__(instance, (), payload[0])
            return instance
        return base.__new__(kind)

    def _fill(self, value: Any, content: List[Any]) -> None:
        if content[0] == "y":
            value[:] = bytes(content[1])
            return
        kind = type(value)
        base = kind if kind in PLAIN_CONTAINERS else solid_base(kind)
        payload = content[1] if content[0] != "o" else content[2]
        if base in CONTAINER_BASES:
            self._fill_items(value, base, payload)
        if content[0] == "o" and is_heap(kind):
            self._fill_state(value, content[3])

    def _fill_items(self, value: Any, base: Any, packed: Any) -> None:
        if base is collections.defaultdict:
            value.default_factory = self._decode(packed[0])
            packed = packed[1]
        elif base is collections.deque:
            packed = packed[1]
        base.clear(value)
        if issubclass(base, dict):
            for key, item in packed:
                base.__setitem__(value, self._decode(key), self._decode(item))
        else:
            add = base.add if base is set else base.append
            for item in packed:
                add(value, self._decode(item))

    def _fill_state(self, value: Any, state: Any) -> None:
        parts = {str(name): self._decode(part) for name, part in state}
        attributes = dict_of(value)
        slots = slots_of(type(value))
        if attributes is not None:
            attributes.clear()
            attributes.update({name: part for name, part in parts.items() if name not in slots})
        for name, member in slots.items():
            if name in parts:
                member.__set__(value, parts[name])
            elif has_value(member, value):
                member.__delete__(value)

    def _decode(self, packed: Any) -> Any:
        if not isinstance(packed, list):
            return packed
        letter = packed[0]
        if letter == "r":
            return self._object(packed[1])
        if letter in ("t", "F"):
            items = [self._decode(item) for item in packed[1]]
            return tuple(items) if letter == "t" else frozenset(items)
        if letter == "x":
            parts = [self._decode(part) for part in packed[2]]
            return int(*parts) if packed[1] == "int" else VALUE_TYPES[packed[1]](*parts)
        if letter == "p":
            return re.compile(self._decode(packed[1]), packed[2])
        if letter == "1":
            return SINGLETONS[packed[1]]
        if letter in ("e", "E"):
            kind = self._enum(packed[1])
            return kind[packed[2]] if letter == "e" else kind(packed[2])
        if letter == "m":
            return self._object_table.module(packed[1])
        if letter == "g":
            value = self._object_table.found(tuple(packed[1]))
            if id(value) not in self._object_table.named_objects():
                raise Unsendable("{}.{} is not there".format(*packed[1]))
            return value
        if letter == "k":
            return self._by_name(packed[1])
        if letter == "M":
            return self._method(self._decode(packed[1]), packed[2])
        if letter == "@":
            return self._object_table.handles[packed[1]]
        if packed[1] not in self._peer_handles:
            self._peer_handles[packed[1]] = HANDLES[letter](self._peer, packed[1])
        return self._peer_handles[packed[1]]

    @staticmethod
    def _method(owner: Any, name: str) -> Any:
        # Any other attribute could be an object that nobody may send: `unittest.mock.ANY`.
        method = getattr(owner, name)
        if not isinstance(method, types.MethodType):
            raise Foreign("`{}`, which is no method".format(name))
        return method

    def _class(self, name: Any) -> Any:
        kind = self._object_table.found(tuple(name))
        if not isinstance(kind, type) or not self._may_hold(kind):
            raise Unsendable("an object of the class {}.{}".format(*name))
        return kind

    def _enum(self, name: Any) -> Any:
        """The enumeration class of this name, of any module: its members are looked up, nothing is
        made."""
        kind = self._object_table.found(tuple(name))
        if not isinstance(kind, enum.EnumMeta):
            raise Unsendable("{}.{} is no enumeration".format(*name))
        return kind

    def _by_name(self, name: Any) -> Any:
        definition = self._object_table.found(tuple(name))
        if definition is None or not (isinstance(definition, type) or is_function(definition)):
            raise Unsendable("{}.{} is not there".format(*name))
        return definition
