"""Values and calls between two interpreters that do not trust each other.

One peer runs the tests, the other the code under test. What crosses is JSON: built-in values,
well-known values of the standard library, instances as their class's name and their state, and
handles for functions and iterators, which stay where they are. Decoding never runs code that the
other peer chose: a class is looked up among modules that are loaded, an instance is made without
its constructor. Objects that both sides know are kept equal with every message, so that a
function which changes its arguments in place does so on both sides. Python 3.8+.
"""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import fractions
import json
import pathlib
import re
import types
import uuid
from typing import Any, Callable, Dict, List, Optional, Tuple

MOST_NODES = 20_000
"""Objects known to both sides within one call; more cost too much time."""
_SCALARS = frozenset([type(None), bool, int, float, str])
_BY_VALUE: Dict[Any, Callable[[Any], List[Any]]] = {
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
    _BY_VALUE[_path] = lambda v: [str(v)]
_VALUE_TYPES = {"{}.{}".format(k.__module__, k.__qualname__): k for k in _BY_VALUE}
_SINGLES = {"...": Ellipsis, "NotImplemented": NotImplemented}
_KINDS = {"NoneType": type(None), "ellipsis": type(Ellipsis)}
_CONTENTS = (list, dict, set, collections.OrderedDict, collections.defaultdict, collections.deque)
_STATELESS = (object, datetime.tzinfo)
_FIXED = (int, float, str, bytes, tuple, frozenset, complex)
_PLAIN = frozenset([list, dict, set, bytearray])


class Unsendable(BaseException):
    """This value cannot cross, or must not. No code that is called should catch it."""


class Foreign(Unsendable):
    """An object whose class only the other side has, and which compares by rules of its own."""


class Handle:
    """An object of the other peer; as it is, a bare `object()`."""

    def __init__(self, peer: Any, number: int) -> None:
        self._peer, self._number = peer, number

    def __getattr__(self, name: str) -> Any:
        raise Unsendable("`{}` of an object that stayed on the other side".format(name))


class FunctionHandle(Handle):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._peer.ask({"handle": self._number}, args, kwargs)


class IteratorHandle(Handle):
    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        return self._peer.ask({"next": self._number}, (), {})


_HANDLES = {"b": Handle, "f": FunctionHandle, "i": IteratorHandle}


class Peer:
    """One end of the line. Every message is answered by exactly one: strict turns."""

    def __init__(
        self,
        send: Callable[[Dict[str, Any]], None],
        receive: Callable[[], Dict[str, Any]],
        *,
        own: int,
        may_hold: Callable[[Any], bool],
        module: Callable[[str], Any],
        landmarks: Callable[[], Dict[int, Tuple[str, str]]],
        find: Callable[[Any], Any],
    ) -> None:
        self._send, self._receive = send, receive
        self._find = find
        """What a target that is no handle stands for. Raises Unsendable."""
        self._depth = 0
        self.book = Book(self, own, may_hold, module, landmarks)

    def ask(self, target: Dict[str, Any], args: Any, kwargs: Any) -> Any:
        """Have the other peer call `target`. Returns or raises what that did, or Unsendable."""
        self._enter()
        try:
            self._send({"ask": target, **self.book.pack((tuple(args), dict(kwargs)))})
            while True:
                message = self._receive()
                if "ask" not in message:
                    return self._outcome(message)
                self._send(self.answer(message))
        finally:
            self._leave()

    def answer(self, message: Dict[str, Any]) -> Dict[str, Any]:
        """Do what the other peer asks; the message to send back."""
        self._enter()
        try:
            args, kwargs = self.book.unpack(message)
            function = self._target(message["ask"])
            try:
                value, how = function(*args, **kwargs), "returned"
            except Unsendable:
                raise
            except Exception as error:
                value, how = error, "raised"
            return {"how": how, **self.book.pack(value)}
        except Unsendable as error:
            foreign = isinstance(error, Foreign)
            return {"how": "unsendable", "why": str(error), "foreign": foreign}
        finally:
            self._leave()

    def _target(self, target: Dict[str, Any]) -> Any:
        if "handle" in target:
            return self.book.handles[target["handle"]]
        if "next" in target:
            return self.book.handles[target["next"]].__next__
        return self._find(target)

    def _outcome(self, message: Dict[str, Any]) -> Any:
        if message["how"] == "unsendable":
            raise (Foreign if message["foreign"] else Unsendable)(message["why"])
        value = self.book.unpack(message)
        if message["how"] == "raised":
            raise value
        return value

    def _enter(self) -> None:
        self._depth += 1

    def _leave(self) -> None:
        self._depth -= 1
        if self._depth == 0:
            self.book.forget()


class Book:
    """Objects that both peers know, by number, and what was last said of each."""

    def __init__(
        self,
        peer: Any,
        own: int,
        may_hold: Callable[[Any], bool],
        module: Callable[[str], Any],
        landmarks: Callable[[], Dict[int, Tuple[str, str]]],
    ) -> None:
        self._peer = peer
        self._landmarks = landmarks
        """Objects of the project that have a name (markers, singletons): id → module, name.
        Both sides have their own one, and `is` must go on to work."""
        self._module = module
        """The module of this name, or None."""
        self._own = own
        """0 or 1: whose numbers are even and whose are odd."""
        self._may_hold = may_hold
        """Whether instances of this class may be made from what the other peer says."""
        self.handles: Dict[int, Any] = {}
        self._elsewhere: Dict[int, Handle] = {}
        self.forget()

    def forget(self) -> None:
        """The outermost call is over: the objects go apart again."""
        self._objects: Dict[int, Any] = {}
        self._numbers: Dict[int, int] = {}
        self._said: Dict[int, str] = {}
        self._next = self._own + 2

    # -- out -------------------------------------------------------------------------------

    def pack(self, value: Any) -> Dict[str, Any]:
        """A value with everything that changed since the last message."""
        self._names = self._landmarks()
        packed = self._encode(value)
        nodes: List[Any] = []
        said: Dict[int, str] = {}
        while len(said) < len(self._objects):  # looking at one may find others
            for number in [n for n in self._objects if n not in said]:
                content = self._content(self._objects[number])
                said[number] = json.dumps(content)
                if self._said.get(number) != said[number]:
                    nodes.append([number, content])
        self._said = said
        return {"value": packed, "nodes": nodes}

    def _encode(self, value: Any) -> Any:
        kind = type(value)
        if kind in _SCALARS:
            big = kind is int and value.bit_length() > 2000
            return ["x", "int", [hex(value), 16]] if big else value
        if kind is tuple or kind is frozenset:
            return ["t" if kind is tuple else "F", [self._encode(item) for item in value]]
        if kind in _BY_VALUE:
            name = "{}.{}".format(kind.__module__, kind.__qualname__)
            return ["x", name, [self._encode(part) for part in _BY_VALUE[kind](value)]]
        if kind is re.Pattern:
            return ["p", self._encode(value.pattern), value.flags]
        for name, single in _SINGLES.items():
            if value is single:
                return ["1", name]
        if isinstance(value, enum.Enum):
            return ["e", self._name(kind), value.name]
        if isinstance(value, types.ModuleType):
            return ["m", value.__name__]
        if isinstance(value, type) or _is_function(value):
            return self._named(value)
        if isinstance(value, types.MethodType):
            return ["M", self._encode(value.__self__), value.__func__.__name__]
        if isinstance(value, Handle) and value._peer is self._peer:
            return ["@", value._number]
        mark = self._names.get(id(value))
        if mark is not None:
            return ["g", mark]
        if kind is object or _is_iterator(kind):
            return self._handle(value, "b" if kind is object else "i")
        return ["r", self._number(value)]

    def _name(self, value: Any) -> Tuple[str, str]:
        """A class may stand in its module under another name than it gives itself."""
        return self._names.get(id(value)) or _name_of(value)

    def _named(self, value: Any) -> Any:
        name = self._name(value)
        if self._found(name) is value:
            return ["k", name]
        if isinstance(value, type):
            raise Unsendable("the class {} is not known by its name".format(name[1]))
        return self._handle(value, "f")

    def _handle(self, value: Any, letter: str) -> Any:
        for number, known in self.handles.items():
            if known is value:
                return [letter, number]
        number = len(self.handles) + 1
        self.handles[number] = value
        return [letter, number]

    def _number(self, value: Any) -> int:
        known = self._numbers.get(id(value))
        if known is not None:
            return known
        if len(self._objects) >= MOST_NODES:
            raise Unsendable("the arguments hold more than {} objects".format(MOST_NODES))
        if type(value) not in _PLAIN:
            _solid_base(type(value))
            if self._found(self._name(type(value))) is not type(value):
                kind = Foreign if _compares(type(value)) else Unsendable
                raise kind("an object of the local class {}".format(type(value).__qualname__))
        number = self._next
        self._next += 2
        self._know(number, value)
        return number

    def _know(self, number: int, value: Any) -> None:
        self._objects[number] = value
        self._numbers[id(value)] = number

    def _content(self, value: Any) -> List[Any]:
        kind = type(value)
        if kind is bytearray:
            return ["y", list(value)]
        if kind in _PLAIN:
            return [kind.__name__, self._items(value, kind)]
        base = _solid_base(kind)
        inside: Any = None
        if base in _CONTENTS:
            inside = self._items(value, base)
        elif base in _FIXED:
            inside = self._encode(base(value))
        elif base is BaseException:
            inside = self._encode(value.args)
        state = [[name, self._encode(part)] for name, part in _state_of(value)]
        return ["o", self._name(kind), inside, state, _compares(kind)]

    def _items(self, value: Any, base: Any) -> List[Any]:
        if issubclass(base, dict):
            pairs = [[self._encode(k), self._encode(v)] for k, v in dict.items(value)]
            if base is collections.defaultdict:
                return [self._encode(value.default_factory), pairs]
            return pairs
        items = [self._encode(item) for item in base.__iter__(value)]
        return [value.maxlen, items] if base is collections.deque else items

    # -- in --------------------------------------------------------------------------------

    def unpack(self, message: Dict[str, Any]) -> Any:
        """The value of a message, after the changes it speaks of. Raises Unsendable."""
        try:
            nodes = {int(number): content for number, content in message["nodes"]}
            self._waiting = nodes
            for number in nodes:
                self._object(number)
            order = {"o": 0, "list": 1, "y": 1}
            for number in sorted(nodes, key=lambda n: order.get(nodes[n][0], 2)):
                self._fill(self._objects[number], nodes[number])
            for number, content in nodes.items():
                self._said[number] = json.dumps(content)
            return self._decode(message["value"])
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise Unsendable("{}: {}".format(type(error).__name__, error)) from error

    def _object(self, number: int) -> Any:
        """The object of this number, empty where it is new."""
        if number in self._objects:
            return self._objects[number]
        content = self._waiting[number]
        plain = {"list": list, "dict": dict, "set": set, "y": bytearray}.get(content[0])
        if plain is not None:
            made: Any = plain()
        else:
            made = self._instance(content)
        self._know(number, made)
        return made

    def _instance(self, content: List[Any]) -> Any:
        _, name, inside, _, compares = content
        if self._found(tuple(name)) is None:
            plain = self._decode(inside) if isinstance(inside, (int, float, str)) else None
            if plain is not None:
                return plain  # its value counts, not what its class thinks of it
            raise (Foreign if compares else Unsendable)("an object of the new class " + name[1])
        kind = self._class(name)
        base = _solid_base(kind)
        if base in _FIXED:
            return base.__new__(kind, self._decode(inside))
        if base is BaseException:
            built_in = next(one for one in kind.__mro__ if not _is_heap(one))
            args = self._decode(inside)
            made = built_in.__new__(kind, *args)
            built_in.__init__(made, *args)  # fills what only C code sees, as in StopIteration
            return made
        if base is collections.deque:
            made = base.__new__(kind)
            base.__init__(made, (), inside[0])
            return made
        return base.__new__(kind)

    def _fill(self, value: Any, content: List[Any]) -> None:
        if content[0] == "y":
            value[:] = bytes(content[1])
            return
        kind = type(value)
        base = kind if kind in _PLAIN else _solid_base(kind)
        inside = content[1] if content[0] != "o" else content[2]
        if base in _CONTENTS:
            self._fill_items(value, base, inside)
        if content[0] == "o" and _is_heap(kind):
            self._fill_state(value, content[3])

    def _fill_items(self, value: Any, base: Any, inside: Any) -> None:
        if base is collections.defaultdict:
            value.default_factory = self._decode(inside[0])
            inside = inside[1]
        elif base is collections.deque:
            inside = inside[1]
        base.clear(value)
        if issubclass(base, dict):
            for key, item in inside:
                base.__setitem__(value, self._decode(key), self._decode(item))
        else:
            add = base.add if base is set else base.append
            for item in inside:
                add(value, self._decode(item))

    def _fill_state(self, value: Any, state: Any) -> None:
        decoded = {str(name): self._decode(part) for name, part in state}
        own = _dict_of(value)
        slots = _slots_of(type(value))
        if own is not None:
            own.clear()
            own.update({name: part for name, part in decoded.items() if name not in slots})
        for name, member in slots.items():
            if name in decoded:
                member.__set__(value, decoded[name])
            elif _has(member, value):
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
            return int(*parts) if packed[1] == "int" else _VALUE_TYPES[packed[1]](*parts)
        if letter == "p":
            return re.compile(self._decode(packed[1]), packed[2])
        if letter == "1":
            return _SINGLES[packed[1]]
        if letter == "e":
            return self._class(packed[1])[packed[2]]
        if letter == "m":
            return self._module(packed[1])
        if letter == "g":
            found = self._found(tuple(packed[1]))
            if id(found) not in self._landmarks():
                raise Unsendable("{}.{} is not there".format(*packed[1]))
            return found
        if letter == "k":
            return self._by_name(packed[1])
        if letter == "M":
            return getattr(self._decode(packed[1]), packed[2])
        if letter == "@":
            return self.handles[packed[1]]
        if packed[1] not in self._elsewhere:
            self._elsewhere[packed[1]] = _HANDLES[letter](self._peer, packed[1])
        return self._elsewhere[packed[1]]

    def _class(self, name: Any) -> Any:
        kind = self._found(tuple(name))
        if not isinstance(kind, type) or not self._may_hold(kind):
            raise Unsendable("an object of the class {}.{}".format(*name))
        return kind

    def _found(self, name: Tuple[str, str]) -> Any:
        """What stands under this dotted name; None when there is no such thing."""
        module, qualified = name
        if module in ("builtins", "None") and qualified in _KINDS:
            return _KINDS[qualified]
        found: Any = self._module("builtins" if module == "None" else module)
        for part in qualified.split("."):
            found = getattr(found, part, None)
        return found

    def _by_name(self, name: Any) -> Any:
        found = self._found(tuple(name))
        if found is None or not (isinstance(found, type) or _is_function(found)):
            raise Unsendable("{}.{} is not there".format(*name))
        return found


def _name_of(value: Any) -> Tuple[str, str]:
    return (str(getattr(value, "__module__", None)), str(getattr(value, "__qualname__", "")))


def _is_function(value: Any) -> bool:
    return isinstance(
        value,
        (types.FunctionType, types.BuiltinFunctionType, types.MethodDescriptorType, type(len)),
    )


def _is_iterator(kind: Any) -> bool:
    """One of the built-in kinds, whose state nobody can see."""
    return hasattr(kind, "__next__") and hasattr(kind, "__iter__") and not _is_heap(kind)


def _is_heap(kind: Any) -> bool:
    """Made by a class statement (Py_TPFLAGS_HEAPTYPE), or as good as."""
    return bool(kind.__flags__ & (1 << 9)) and kind.__module__ != "itertools"


def landmarks(modules: List[Any]) -> Dict[int, Tuple[str, str]]:
    """Instances that these modules, or classes in them, give a name to; and classes that stand
    there under another name than their own."""
    found: Dict[int, Tuple[str, str]] = {}
    for module in modules:
        waiting = list(vars(module).items())
        while waiting and len(found) < MOST_NODES:
            name, one = waiting.pop()
            kind = type(one)
            if isinstance(one, type):
                if one.__module__ == module.__name__ and "." not in name:
                    waiting += [(name + "." + n, v) for n, v in vars(one).items()]
                    if one.__qualname__ != name:
                        found.setdefault(id(one), (module.__name__, name))
            elif (kind is object or _is_heap(kind)) and id(one) not in found:
                found[id(one)] = (module.__name__, name)
                # Some grow more of their own kind as attributes, as the tokens of lexers do.
                inside = (_dict_of(one) or {}).items()
                waiting += [(name + "." + n, v) for n, v in inside if type(v) is kind]
    return found


def _solid_base(kind: Any) -> Any:
    """The built-in type whose layout instances have. Raises Unsendable for one with state that
    nobody can see from Python."""
    for one in kind.__mro__:
        if not one.__flags__ & (1 << 9):
            if one in _STATELESS or one in _CONTENTS or one in _FIXED:
                return one
            if issubclass(one, BaseException):
                return BaseException
            break
    raise Unsendable("an object of the type {}.{}".format(kind.__module__, kind.__qualname__))


_COMPARISONS = frozenset(
    ["__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__contains__", "__bool__"]
)


def _compares(kind: Any) -> bool:
    return any(_is_heap(one) and _COMPARISONS & vars(one).keys() for one in kind.__mro__)


def _dict_of(value: Any) -> Optional[Dict[str, Any]]:
    try:
        found = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return None
    return found if type(found) is dict else None


def _slots_of(kind: Any) -> Dict[str, Any]:
    return {
        name: member
        for one in reversed(kind.__mro__)
        for name, member in vars(one).items()
        if isinstance(member, types.MemberDescriptorType) and one.__flags__ & (1 << 9)
    }


def _has(member: Any, value: Any) -> bool:
    try:
        member.__get__(value)
    except AttributeError:
        return False
    return True


def _state_of(value: Any) -> List[Tuple[str, Any]]:
    found = list((_dict_of(value) or {}).items())
    for name, member in _slots_of(type(value)).items():
        if _has(member, value):
            found.append((name, member.__get__(value)))
    return found
