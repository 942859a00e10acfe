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

import builtins
import collections
import decimal
import functools
import gc
import io
import itertools
import os
import random
import signal
import sys
import sysconfig
import threading
import types
from array import array
from typing import Any, Dict, Iterable, Iterator, List, Optional, Set, Tuple

MAX_OBJECTS = 40_000
"""Objects to look at after each candidate, about 2 ms of processor: a fork costs hardly more."""
_HEAP_TYPE = 1 << 9
"""`Py_TPFLAGS_HEAPTYPE`: made while running, by a class statement or by C."""
_REGISTRY = "__warningregistry__"
"""Which warnings a module gave already: a test that looks at them empties it first."""

_OF_PYTEST = frozenset(
    ["_pytest", "_repair_guest", "exceptiongroup", "iniconfig", "pluggy", "pytest"]
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
    types.MethodType,
    types.CellType,
    types.MappingProxyType,
    types.SimpleNamespace,
    property,
    staticmethod,
    classmethod,
    type(functools.lru_cache(lambda: None)),
)
"""All that these can change are the objects they refer to."""
_FIXED = (
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
    types.BuiltinFunctionType,
    types.CodeType,
    types.FrameType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
    types.MethodDescriptorType,
    types.MethodWrapperType,
    types.ModuleType,
    types.TracebackType,
    types.WrapperDescriptorType,
    types.ClassMethodDescriptorType,
    type(os.environ),  # looked at by itself
    type(io.TextIOWrapper(io.BytesIO())),
    io.BufferedReader,
    io.BufferedWriter,
    io.FileIO,
)
"""Immutable, or the streams of the process: what is written to them nobody reads back."""
_METHODS_OF_C = (
    types.ClassMethodDescriptorType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
)
_FIXED_NAMES = frozenset(
    ["_abc._abc_data", "datetime.date", "datetime.datetime", "datetime.time", "datetime.timedelta",
     "datetime.timezone", "re.Pattern", "re.Match", "_struct.Struct", "uuid.UUID",
     "weakref.ReferenceType", "builtins.weakref", "functools._lru_list_elem",
     "operator.itemgetter", "operator.attrgetter",
     "operator.methodcaller", "typing.TypeVar", "types.GenericAlias", "types.UnionType",
     "types.NoneType", "zoneinfo.ZoneInfo"]
)  # fmt: skip
"""By name, since not every Python has each. Answers that an abstract class remembers are what it
would find out again."""


class ProcessState:
    """The state of this process as it is now, to be compared with what it is later."""

    def __init__(self, workspace: str, held: Iterable[Any]) -> None:
        """`held`: objects beside the modules of `workspace` that each run gets again."""
        self._prefix = workspace.rstrip("/") + "/"
        self._outside = {id(vars(module)) for module in _modules() if not self._is_own(module)}
        self.unknown = ""
        """The type of an object whose state cannot be told; empty where all can."""
        self._watched: List[Any] = []
        self._counted: List[Any] = []
        """Objects of C that say what state they are in."""
        own_modules = [module for module in _modules() if self._is_own(module)]
        for module in own_modules:
            vars(module).setdefault(_REGISTRY, {})
        left_out = {
            id(vars(module).get(name))
            for module in own_modules
            for name in (_REGISTRY, "__spec__", "__loader__")
        }
        self._walk([*map(vars, own_modules), *held], left_out)
        self._watched += _shared_containers(self._outside)
        self._referents: List[Any] = []
        self._identities = b""
        self._values: Tuple[Any, ...] = ()
        if not self.unknown and len(gc.get_referents(*self._watched)) > MAX_OBJECTS:
            self.unknown = "too many objects"

    def remember(self) -> None:
        """Take the state of now as the one to compare with."""
        # Kept alive, so that no other object can have one of these addresses.
        self._referents = gc.get_referents(*self._watched)
        self._identities = _identities(self._referents)
        self._values = self._current_values()

    def changed(self) -> bool:
        """Whether anything is not what it was."""
        return (
            _identities(gc.get_referents(*self._watched)) != self._identities
            or self._current_values() != self._values
        )

    def _current_values(self) -> Tuple[Any, ...]:
        return (*_interpreter(), *map(_reading, self._counted))

    def _is_own(self, module: types.ModuleType) -> bool:
        file = getattr(module, "__file__", None)
        return isinstance(file, str) and file.startswith(self._prefix)

    def _walk(self, roots: List[Any], left_out: Set[int]) -> None:
        seen: Set[int] = set(left_out)
        pending = list(roots)
        while pending and not self.unknown:
            value = pending.pop()
            if id(value) in seen:
                continue
            seen.add(id(value))
            if len(seen) > 4 * MAX_OBJECTS:
                self.unknown = "too many objects"
            elif self._is_followed(value):
                self._watched.append(value)
                pending += gc.get_referents(value)

    def _is_followed(self, value: Any) -> bool:
        kind = type(value)
        if isinstance(value, type):
            return self._is_own_class(value)
        if kind is types.FunctionType:
            return bool(value.__code__.co_filename.startswith(self._prefix))
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
        module = sys.modules.get(value.__module__)
        return module is not None and self._is_own(module)


def _modules() -> Iterator[types.ModuleType]:
    for module in list(sys.modules.values()):
        if isinstance(module, types.ModuleType):
            yield module


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
    if isinstance(member, types.BuiltinFunctionType):
        return getattr(member, "__self__", None) is kind  # `__new__`
    return isinstance(member, _METHODS_OF_C) and member.__objclass__ is kind


_LOCKS = (type(threading.Lock()), type(threading.RLock()))


def _reading(value: Any) -> Optional[object]:
    """The state of an object of C that shows it otherwise; None for any other object."""
    kind = type(value)
    if kind in _LOCKS:
        return repr(value).partition(" object ")[0]
    if kind is bytearray:
        return bytes(value)
    if kind is array:
        return bytes(value)
    if kind in (io.StringIO, io.BytesIO):
        return ("closed",) if value.closed else (value.tell(), value.getvalue())
    if kind is random.Random:
        return tuple(value.getstate())
    if kind is itertools.count:
        return repr(value)
    return None


def _identities(objects: List[Any]) -> bytes:
    return array("Q", map(id, objects)).tobytes()


def _interpreter() -> Iterator[object]:
    """What belongs to the process and not to an object."""
    yield os.getcwd()
    yield sorted(os.listdir(os.environ.get("TMPDIR") or "/nonexistent")) if _has_scratch() else ()
    yield len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    yield threading.active_count()
    yield sys.getrecursionlimit()
    yield (sys.gettrace(), sys.getprofile(), sys.stdout, sys.stderr, sys.stdin, gc.isenabled())
    yield signal.getitimer(signal.ITIMER_REAL)[0] > 0
    yield str(decimal.getcontext())
    yield random.getstate()


def _has_scratch() -> bool:
    return os.path.isdir(os.environ.get("TMPDIR") or "/nonexistent")


def _shared_containers(outside: Set[int]) -> List[Any]:
    """Lists and mappings of the interpreter, and the variables of every module that is neither the
    project's nor of the standard library or pytest, with the containers they name."""
    environment: Any = os.environ
    containers: List[Any] = [
        sys.modules, sys.path, sys.meta_path, sys.path_hooks, vars(builtins), environment._data
    ]  # fmt: skip
    warnings, logging = sys.modules.get("warnings"), sys.modules.get("logging")
    if warnings is not None:
        containers.append(warnings.filters)
    if logging is not None:
        root = logging.root
        containers += [root.handlers, vars(root), root.manager.loggerDict]
    standard = os.path.dirname(os.__file__) + "/"
    packages = (sysconfig.get_path("purelib") + "/", sysconfig.get_path("platlib") + "/")
    for module in _modules():
        file = getattr(module, "__file__", None)
        if id(vars(module)) not in outside or not isinstance(file, str):
            continue
        if file.startswith(standard) and not file.startswith(packages):
            continue
        if module.__name__.partition(".")[0] in _OF_PYTEST:
            continue
        variables: Dict[str, Any] = vars(module)
        variables.setdefault(_REGISTRY, {})
        containers.append(variables)
        containers += [
            value
            for name, value in variables.items()
            if type(value) in (dict, list, set) and name not in (_REGISTRY, "__builtins__")
        ]
    return containers
