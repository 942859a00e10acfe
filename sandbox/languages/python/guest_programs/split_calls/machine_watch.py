"""What a function asks of the machine while it runs. Python 3.8+, standard library only.

Nothing is replaced, which code could notice: a profile function sees calls of C code, an audit
hook what C code calls inside itself. What is asked is named by the call that the project's own
code makes: `os.fstat`, `tempfile.gettempdir`. Which C modules compute only is listed; all others
of the standard library ask the machine.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import threading
import types
import warnings
from typing import Any, Callable, Dict, FrozenSet, List, Optional, Set, Tuple

from .machine_functions import (
    ALSO_COMPUTING,
    ASKING,
    COMPUTING,
    IN_PYTHON,
    MEMORY,
    PUBLIC,
    QUIET_EVENTS,
    SAME,
    is_quiet,
    says_nothing,
)

INCOMPLETE = "more than could be watched"
MAX_CALLS = 1_000_000
"""Inside of one: about a second."""
DEPTH = "the depth of the stack"
LEFT_OF_THE_STACK = 150
"""Frames: what goes as deep as that ends at a depth that depends on its callers."""
MAX_NAMES = 500
MAX_NAME_CHARACTERS = 80


class MachineWatch:
    """Notes what the project's functions ask of the machine, on import and when called."""

    def __init__(self, workspace: str) -> None:
        self._workspace = workspace
        self._names: Set[str] = set()
        self._on_import: Set[str] = set()
        self._active = 0
        self._calls = 0
        self._depth = 0
        self._deep = sys.getrecursionlimit() - LEFT_OF_THE_STACK
        self._asking: Dict[int, Tuple[Any, Optional[FrozenSet[str]]]] = {}
        """By the identity of a module or a class, which is kept: those of its functions that may
        ask; None for any."""
        self._python = _python_calls()
        for module in list(sys.modules.values()):
            if type(module) is types.ModuleType:
                self._asking_of(module)
        self._callback = self._profiler()
        sys.addaudithook(self._audit)

    def load(self, name: str) -> None:
        """Import a module and note what is asked on the way."""
        names, self._names = self._names, self._on_import
        try:
            self.call(importlib.import_module, name)
        finally:
            self._names = names

    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function and note what it asks."""
        if not self._active:
            self._calls = self._depth = 0
        self._active += 1
        threading.setprofile(self._callback)
        sys.setprofile(self._callback)
        try:
            return function(*args, **kwargs)
        finally:
            self._active -= 1
            # What comes from a call that takes too long ends the callback, too.
            error = sys.exc_info()[1]
            if sys.getprofile() != self._callback and isinstance(error, (type(None), Exception)):
                self._note(INCOMPLETE)
            if not self._active:
                sys.setprofile(None)
                threading.setprofile(None)

    def taken(self) -> List[List[str]]:
        """What was asked since the last time: on import, and in calls."""
        names = [sorted(self._on_import), sorted(self._names)]
        self._on_import, self._names = set(), set()
        return names

    def _note(self, name: str) -> None:
        is_full = len(self._names) >= MAX_NAMES
        self._names.add(INCOMPLETE if is_full else name[:MAX_NAME_CHARACTERS])

    def _profiler(self) -> Callable[[Any, str, Any], None]:
        """The profile function: called at each call, so what it needs is at hand."""
        find_entry, in_python, native = self._asking.get, self._python, self._native

        def profile(frame: Any, event: str, argument: Any) -> None:
            if event == "c_call":
                owner = argument.__self__
                entry = find_entry(id(owner)) or find_entry(id(type(owner)))
                if entry is None or entry[1] is None or argument.__name__ in entry[1]:
                    native(frame, argument)
            elif event == "call":
                code = frame.f_code
                if id(code) in in_python or code.co_name in IN_PYTHON:
                    self._in_python(frame)
                self._calls += 1
                self._depth += 1
                if self._depth > self._deep:
                    self._note(DEPTH)
                if self._calls > MAX_CALLS:
                    self._note(INCOMPLETE)
                    sys.setprofile(None)
            elif event == "return":
                self._depth -= 1

        return profile

    def _native(self, frame: Any, function: Any) -> None:
        """A call of C code that may ask."""
        owner, name = function.__self__, function.__name__
        if type(owner) is not types.ModuleType:
            self._asking_of(type(owner))  # the next call of an instance is settled at once
            kinds = [owner, type(owner)] if isinstance(owner, type) else [type(owner)]
            owner = next(filter(None, (_defining(kind, name) for kind in kinds)), kinds[-1])
        names = self._asking_of(owner)
        module = _module_of(owner)
        if (names is not None and name not in names) or name in ALSO_COMPUTING.get(module, ()):
            return
        if module == "_io" and getattr(owner, "__name__", "") in MEMORY:
            return
        if says_nothing(module, name, frame, self._of_project):
            return
        # Whether an exception is handled at all, a function that shows it says as well.
        entry = self._entry(frame, name not in ("exc_info", "exception"))
        if entry is not None:
            self._note(entry or _called(module, name, owner))

    def _asking_of(self, owner: Any) -> Optional[FrozenSet[str]]:
        entry = self._asking.get(id(owner))
        if entry is None:
            entry = (owner, _asking_functions(owner))
            # The class of all modules, or of all classes, says nothing of one of them.
            is_general = isinstance(owner, type) and bool(
                {type, types.ModuleType} & {*_parents(owner)}
            )
            if not is_general:
                self._asking[id(owner)] = entry
        return entry[1]

    def _in_python(self, frame: Any) -> None:
        """A call of Python code of the standard library that asks without any C code."""
        name = self._python.get(id(frame.f_code)) or _reading(frame)
        entry = self._entry(frame.f_back) if name else None
        if not name or entry is None:
            return
        if name == _HEARS and not frame.f_locals.get("record"):
            return
        key = frame.f_locals.get("key")
        if entry and not entry.startswith(("collections.abc.", "os.")):
            name = entry
        elif name == "os.environ" and type(key) is str:
            name = "os.environ[{!r}]".format(key)
        self._note(name)

    def _audit(self, event: str, arguments: Any) -> None:
        if not self._active or event in QUIET_EVENTS:  # to look at a frame is an event, too
            return
        frame = sys._getframe(1)
        if frame.f_globals is globals():
            return  # the watch ends itself
        if event == "import":
            if self._of_project(frame) and self._is_foreign(str(arguments[0])):
                self._note("the module {}".format(str(arguments[0]).partition(".")[0]))
            return
        entry = self._entry(frame)
        if entry is None and event == "open" and not str(arguments[0]).endswith(".py"):
            # No source: what looks like a traceback may be put together to read any file.
            callee = self._entry(frame, False) or ""
            entry = callee if callee.startswith(("traceback.", "warnings.")) else None
        if entry is not None:
            self._note(entry or ("open" if event == "open" else event))

    def _entry(self, frame: Any, may_be_quiet: bool = True) -> Optional[str]:
        """The function that the project's code called to get to this frame: empty for none, and
        None where no code of the project asks."""
        inner_frame = None
        while frame is not None:
            if self._of_project(frame):
                return "" if inner_frame is None else _entry_name(inner_frame, may_be_quiet)
            code = frame.f_code
            if code.co_name == "_find_and_load" and "importlib" in code.co_filename:
                return None  # the interpreter looks for a module
            inner_frame, frame = frame, frame.f_back
        return None

    def _of_project(self, frame: Any) -> bool:
        path: str = frame.f_code.co_filename
        return path.startswith(self._workspace) and "/site-packages/" not in path

    def _is_foreign(self, name: str) -> bool:
        """Whether a module is neither the project's nor in this standard library."""
        top = name.partition(".")[0]
        if top in sys.modules:
            return False
        active, self._active = self._active, 0
        try:
            if _in_standard_library(top):
                return importlib.util.find_spec(top) is None
            roots = [path for path in sys.path if (path + "/").startswith(self._workspace)]
            places = [os.path.join(root, top) for root in roots]
            return not any(os.path.isdir(p) or os.path.isfile(p + ".py") for p in places)
        finally:
            self._active = active


def _asking_functions(owner: Any) -> Optional[FrozenSet[str]]:
    """The functions of a module, or of a class and its parents, that may ask; None for any."""
    function_names: FrozenSet[str] = frozenset()
    for part in _parents(owner) if isinstance(owner, type) else (owner,):
        module = _module_of(part)
        if module in ASKING:
            function_names |= ASKING[module]
        elif module not in COMPUTING and _in_standard_library(module):
            return None
    return function_names


def _called(module: str, name: str, owner: Any) -> str:
    if module == "_io":
        return "open" if name.startswith(("open", "read")) else "io." + name
    public = PUBLIC.get(module, module.lstrip("_"))
    kind = "." + owner.__name__ if isinstance(owner, type) else ""
    return "{}{}.{}".format(public, kind, name)


def _entry_name(frame: Any, may_be_quiet: bool) -> Optional[str]:
    """The name of a function that the project calls; None for one that asks for itself alone."""
    code = frame.f_code
    module = str(frame.f_globals.get("__name__"))
    if code.co_filename == "<string>" and module.startswith("s."):
        return None  # this program, on its way to the other sandbox
    if may_be_quiet and is_quiet(frame):
        return None
    name = getattr(code, "co_qualname", code.co_name)
    return "{}.{}".format(PUBLIC.get(module, module), name)


def _python_calls() -> Dict[int, str]:
    """Code of the standard library in Python that asks by itself → what it asks for."""
    calls = {
        id(function.__code__): "os.environ"
        for function in vars(type(os.environ)).values()
        if type(function) is types.FunctionType and function.__name__ not in _WRITING
    }
    for function in (importlib.import_module, importlib.util.find_spec):
        calls[id(function.__code__)] = "{}.{}".format(function.__module__, function.__name__)
    calls[id(warnings.catch_warnings.__init__.__code__)] = _HEARS
    return calls


_HEARS = "warnings.catch_warnings(record=True)"
"""Which warnings are recorded is a matter of filters, which a test runner changes."""


def _reading(frame: Any) -> str:
    """The name of a function that reads the process; empty where only the name is the same."""
    name = frame.f_code.co_name
    module = str(frame.f_globals.get("__name__"))
    return "{}.{}".format(module, name) if IN_PYTHON.get(name) == module else ""


_WRITING = frozenset(["__delitem__", "__init__", "__setitem__", "setdefault"])


def _parents(kind: Any) -> Tuple[Any, ...]:
    """The classes that a class inherits from, itself first, whatever it says of itself."""
    parents: Tuple[Any, ...] = type.__dict__["__mro__"].__get__(kind)
    return parents


_OF_C = (
    types.BuiltinFunctionType,
    types.ClassMethodDescriptorType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    staticmethod,
)


def _defining(kind: Any, name: str) -> Any:
    for part in _parents(kind):
        if type(type.__dict__["__dict__"].__get__(part).get(name)) in _OF_C:
            return part
    return None


def _module_of(owner: Any) -> str:
    """The name of a module, or of that of a class."""
    if isinstance(owner, type):
        name = type.__dict__["__module__"].__get__(owner)
    else:
        name = getattr(owner, "__name__", "")
    name = name if isinstance(name, str) else ""
    if name == "builtins" and getattr(owner, "__name__", "") == "ContextVar":
        return "_contextvars"  # before Python 3.10
    return SAME.get(name, name)


def _in_standard_library(name: str) -> bool:
    return name.partition(".")[0] in _STANDARD_LIBRARY


def _standard_library() -> FrozenSet[str]:
    if hasattr(sys, "stdlib_module_names"):
        names: FrozenSet[str] = sys.stdlib_module_names
        return names
    folder = os.path.dirname(os.__file__)  # before Python 3.10
    entries = [name for part in ("", "lib-dynload") for name in _listed(os.path.join(folder, part))]
    return frozenset([*sys.builtin_module_names, *(name.partition(".")[0] for name in entries)])


def _listed(folder: str) -> List[str]:
    return os.listdir(folder) if os.path.isdir(folder) else []


_STANDARD_LIBRARY = _standard_library()
