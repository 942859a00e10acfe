"""What a test can leave behind in its process, compared by identity.

Candidates may run one after the other in one process only while nothing that one of them changed
is there for the next: a cache that a module keeps, an attribute of an object that lives on, a
variable of the environment. Everything that is reachable from the project's own modules is listed
once; afterwards two lists of what these objects refer to are the same, object by object, or
something was left behind. Atoms are immutable, so a change of one is another object. Objects of C
whose state cannot be seen make the answer "unknown", which is no "unchanged".

Python 3.8+, standard library only.
"""

from __future__ import annotations

import abc
import builtins
import collections
import decimal
import functools
import gc
import io
import itertools
import locale
import logging
import operator
import os
import random
import signal
import socket
import sys
import sysconfig
import threading
import time
import types
import warnings
from array import array
from typing import Any, Dict, Iterable, Iterator, List, Optional, Set, Tuple

MAX_OBJECTS = 40_000
"""Objects to look at after each candidate, about 2 ms of processor: a fork costs hardly more."""
_HEAP_TYPE = 1 << 9
"""`Py_TPFLAGS_HEAPTYPE`: made while running, by a class statement or by C."""
_REGISTRY = "__warningregistry__"
"""Which warnings a module gave already: a test that looks at them empties it first."""

_OF_PYTEST = frozenset(
    ["_pytest", "_repair_guest", "exceptiongroup", "iniconfig", "pluggy", "pygments", "pytest"]
)
_FOLLOWED = (
    dict,
    list,
    set,
    frozenset,
    tuple,
    collections.deque,
    collections.OrderedDict,
    collections.defaultdict,
    functools.partial,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    types.MethodWrapperType,
    types.CellType,
    types.MappingProxyType,
    types.SimpleNamespace,
    property,
    staticmethod,
    classmethod,
    type(functools.lru_cache(lambda: None)),
)
"""All that these can change are the objects they refer to."""
_METHODS_OF_C = (
    types.ClassMethodDescriptorType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
)
_FIXED = (
    *_METHODS_OF_C,
    type(None),
    bool,
    type(Ellipsis),
    type(NotImplemented),
    int,
    float,
    complex,
    str,
    bytes,
    range,
    slice,
    decimal.Decimal,
    types.CodeType,
    types.FrameType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
    types.TracebackType,
    type(os.environ),  # looked at by itself
    type(io.TextIOWrapper(io.BytesIO())),
    io.BufferedReader,
    io.BufferedWriter,
    io.FileIO,
)
"""Immutable, or the streams of the process: what is written to them nobody reads back."""
_FIXED_NAMES = frozenset(
    ["_abc._abc_data", "builtins._abc_data", "datetime.tzinfo",
     "datetime.date", "datetime.datetime", "datetime.time", "datetime.timedelta",
     "datetime.timezone", "re.Pattern", "re.Match", "_struct.Struct", "uuid.UUID",
     "_collections._tuplegetter", "collections._tuplegetter",
     "weakref.ReferenceType", "builtins.weakref", "functools._lru_list_elem",
     "operator.itemgetter", "operator.attrgetter",
     "operator.methodcaller", "typing.TypeVar", "types.GenericAlias", "types.UnionType",
     "types.NoneType", "zoneinfo.ZoneInfo"]
)  # fmt: skip
"""By name, since not every Python has each. Answers that an abstract class remembers are what it
would find out again; that a class was registered is read by itself."""


class ProcessState:
    """The state of this process as it is now, to be compared with what it is later.

    Nothing here calls code of the project: a proxy that is asked for its class, or a module that is
    loaded when it is first looked at, would run some.
    """

    def __init__(self, workspace: str, held: Iterable[Any]) -> None:
        """`held`: objects beside the modules of `workspace` that each run gets again."""
        self._prefix = workspace.rstrip("/") + "/"
        modules = list(_modules())
        own = [variables for variables in modules if self._is_own(variables)]
        self._outside = {id(variables) for variables in modules} - set(map(id, own))
        self.unknown = ""
        """The type of an object whose state cannot be told; empty where all can."""
        self._watched: List[Any] = []
        self._counted: List[Any] = []
        """Objects of C that say what state they are in."""
        for variables in own:
            variables.setdefault(_REGISTRY, {})
        left_out = {
            id(variables.get(name))
            for variables in own
            for name in (_REGISTRY, "__spec__", "__loader__")
        }
        self._walk([*own, *held], left_out)
        own_count = len(gc.get_referents(*self._watched))
        self._watched += _shared_containers(modules, self._outside)
        self._mappings = [value for value in self._watched if issubclass(type(value), dict)]
        self._classes = [value for value in self._watched if issubclass(type(value), type)]
        self._kept: Tuple[List[Any], List[Any]] = ([], [])
        self._values: Tuple[Any, ...] = ()
        count = len(gc.get_referents(*self._watched))
        if not self.unknown and count > MAX_OBJECTS:
            self.unknown = "{:,} objects of the project and {:,} of libraries are too many".format(
                own_count, count - own_count
            )

    def remember(self) -> None:
        """Take the state of now as the one to compare with."""
        self._kept = self._referents()
        self._values = self._current_values()

    def changed(self) -> bool:
        """Whether anything is not what it was."""
        gc.collect()  # classes that a test made live on in cycles, and among `__subclasses__`
        now = self._referents()
        is_same = all(map(_are_same, now, self._kept))
        return not is_same or self._current_values() != self._values

    def _referents(self) -> Tuple[List[Any], List[Any]]:
        """What is referred to. CPython visits no keys of a dictionary that has only strings."""
        keys = itertools.chain.from_iterable(map(dict.__iter__, self._mappings))
        return gc.get_referents(*self._watched), list(keys)

    def _current_values(self) -> Tuple[Any, ...]:
        subclasses = [len(type.__subclasses__(kind)) for kind in self._classes]
        return (*_interpreter(), *subclasses, *map(_reading, self._counted))

    def _is_own(self, variables: Dict[str, Any]) -> bool:
        file = variables.get("__file__")
        return type(file) is str and file.startswith(self._prefix)

    def _walk(self, roots: List[Any], left_out: Set[int]) -> None:
        seen: Set[int] = set(left_out)
        pending = list(roots)
        while pending and not self.unknown:
            value = pending.pop()
            if id(value) in seen:
                continue
            seen.add(id(value))
            if len(seen) > 4 * MAX_OBJECTS:
                self.unknown = "over {:,} objects are too many".format(4 * MAX_OBJECTS)
            elif issubclass(type(value), types.ModuleType):
                self._watched.append(_variables(value))  # `time.time = ...`
            elif self._is_followed(value):
                self._watched.append(value)
                pending += gc.get_referents(value)

    def _is_followed(self, value: Any) -> bool:
        kind = type(value)
        if issubclass(kind, type):
            return self._is_own_class(value)
        if id(value) in self._outside or kind in _FIXED or _name(kind) in _FIXED_NAMES:
            return False
        if _reading(value) is not None:
            self._counted.append(value)
            return False
        if all(base in _FOLLOWED or base is object or _is_plain(base) for base in kind.__mro__):
            return True
        self.unknown = _name(kind)
        return False

    def _is_own_class(self, value: type) -> bool:
        module = sys.modules.get(type.__getattribute__(value, "__module__"))
        return issubclass(type(module), types.ModuleType) and self._is_own(_variables(module))


def _modules() -> Iterator[Dict[str, Any]]:
    """The variables of every module."""
    for module in list(sys.modules.values()):
        if issubclass(type(module), types.ModuleType):
            yield _variables(module)


def _variables(module: Any) -> Dict[str, Any]:
    variables: Dict[str, Any] = types.ModuleType.__getattribute__(module, "__dict__")
    return variables


def _name(kind: type) -> str:
    return "{}.{}".format(kind.__module__, kind.__qualname__)


def _is_plain(kind: type) -> bool:
    """Whether a class was made by a class statement, or is an immutable type or an exception: all
    that its instances can change are attributes, which are seen."""
    if kind in _FIXED or _name(kind) in _FIXED_NAMES or kind is type:
        return True
    if issubclass(kind, BaseException) and not kind.__flags__ & _HEAP_TYPE:
        return True
    if not kind.__flags__ & _HEAP_TYPE:
        return False
    return not any(_is_of_c(member, kind) for member in vars(kind).values())


def _is_of_c(member: Any, kind: type) -> bool:
    """Whether a member shows that C made the class: a class statement makes no such methods."""
    if type(member) is types.BuiltinFunctionType:
        return member.__self__ is kind  # `__new__`
    return type(member) in _METHODS_OF_C and member.__objclass__ is kind


_LOCKS = (type(threading.Lock()), type(threading.RLock()))


def _reading(value: Any) -> Optional[object]:
    """The state of an object of C that shows it otherwise; None for any other object."""
    kind = type(value)
    if kind in _LOCKS:
        return repr(value).partition(" object ")[0]
    if kind in (bytearray, array):
        return bytes(value)
    if kind in (io.StringIO, io.BytesIO):
        return ("closed",) if value.closed else (value.tell(), value.getvalue())
    if kind is random.Random:
        return tuple(value.getstate())
    if kind is itertools.count:
        return repr(value)
    return None


def _are_same(now: List[Any], kept: List[Any]) -> bool:
    """Whether these are the same objects. Not by `id`, of which each call is told to the audit hook
    of this process: that took 3 µs an object."""
    return len(now) == len(kept) and all(map(operator.is_, now, kept))


_SIGNALS = (signal.SIGALRM, signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


def _interpreter() -> Iterator[object]:
    """What belongs to the process and not to an object."""
    yield os.getcwd()
    yield _names_in(os.environ.get("TMPDIR", ""))
    yield len(_names_in("/proc/self/fd"))
    yield threading.active_count()
    yield sys.getrecursionlimit()
    yield (sys.gettrace(), sys.getprofile(), gc.isenabled())
    yield [signal.getsignal(number) for number in _SIGNALS]
    yield signal.getitimer(signal.ITIMER_REAL)[0] > 0
    yield (time.tzname, locale.setlocale(locale.LC_ALL), socket.getdefaulttimeout())
    yield str(decimal.getcontext())
    yield random.getstate()
    yield abc.get_cache_token()
    mask = os.umask(0)
    os.umask(mask)
    yield mask


def _names_in(folder: str) -> List[str]:
    """Sorted; none of what is no folder."""
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def _shared_containers(modules: List[Dict[str, Any]], outside: Set[int]) -> List[Any]:
    """Lists and mappings of the interpreter, and the variables of every module that is neither the
    project's nor of the standard library or pytest, with the containers they name."""
    environment: Any = os.environ
    containers: List[Any] = [
        *(sys.modules, sys.path, sys.meta_path, sys.path_hooks, sys.argv, vars(sys)),
        *(vars(builtins), environment._data, warnings.filters),
        *(vars(logging.root), vars(logging.root.manager), *_containers(vars(logging.root), 2)),
        logging.root.manager.loggerDict,
    ]
    standard = os.path.dirname(os.__file__) + "/"
    packages = (sysconfig.get_path("purelib") + "/", sysconfig.get_path("platlib") + "/")
    for variables in modules:
        file, name = variables.get("__file__"), variables.get("__name__")
        if id(variables) not in outside or type(file) is not str or type(name) is not str:
            continue
        if file.startswith(standard) and not file.startswith(packages):
            continue
        if name.partition(".")[0] not in _OF_PYTEST:
            variables.setdefault(_REGISTRY, {})
            containers += [variables, *_containers(variables, 2)]
    return containers


def _containers(variables: Dict[str, Any], depth: int) -> Iterator[Any]:
    """Lists, sets and mappings in a mapping, and in these."""
    for name, value in list(dict.items(variables)):
        if name in (_REGISTRY, "__builtins__") or not issubclass(type(value), (dict, list, set)):
            continue
        yield value
        if depth > 1 and issubclass(type(value), dict):
            yield from _containers(value, depth - 1)
