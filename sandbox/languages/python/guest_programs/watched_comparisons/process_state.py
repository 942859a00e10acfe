"""The state that all code of a process shares and no project owns: what was changed of it.

Joined to `audit.py`, which is loaded inside the sandbox as one file. Python 3.8+, standard library
only.
"""

from __future__ import annotations

import codecs
import importlib
import os
import random
import sys
import types
import warnings
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

_LIBRARY = os.path.dirname(os.path.abspath(os.__file__))
_CODECS = ("utf-8", "ascii", "latin-1", "utf-16")
_RECORDERS = ("showwarning", "_showwarnmsg_impl", "excepthook", "unraisablehook")
"""The test runner has its own for each test; nothing that a test compares goes by them."""
_ABSTRACT = ("numbers", "collections.abc", "_collections_abc", "os", "io")
_CALLABLE = (
    types.FunctionType,
    types.BuiltinFunctionType,
    type,
    type(object.__init__),
    type(str.join),
)
_MEMBERS = (types.FunctionType, classmethod, staticmethod, property)
_Named = Dict[Tuple[str, str], Any]


class OutsideModules:
    """Remembers the functions, classes and settings of every module that is loaded by now and
    lies outside the `workspace`."""

    def __init__(self, workspace: str) -> None:
        self._workspace = workspace
        self._modules: List[Tuple[str, Any]] = [
            (name, module)
            for name, module in list(sys.modules.items())
            if type(module) is types.ModuleType and not _file(module).startswith(workspace)
        ]
        self._parts = self._all()
        self._settings = dict(_settings())

    def changed_settings(self) -> List[str]:
        """Names of settings that are another than when this was asked before."""
        earlier_settings, self._settings = self._settings, dict(_settings())
        return [
            n for n, v in earlier_settings.items() if n in self._settings and self._settings[n] != v
        ]

    def replaced(self) -> Iterator[Tuple[str, str, Any]]:
        """Module, name and new value of what is another function or class now."""
        parts = self._all()
        for (module, name), value in self._parts.items():
            if parts.get((module, name), value) is not value and name not in _RECORDERS:
                yield module, name, parts[module, name]
        for name, module in self._modules:
            if sys.modules.get(name, module) is not module:
                yield "sys.modules", name, sys.modules[name]

    def newer(self) -> Iterator[Tuple[str, str, Any]]:
        """Parts of the standard library's modules that have been loaded since the start: it imports
        no function of a project."""
        names = {name for name, _ in self._modules}
        modules = [
            (name, module)
            for name, module in list(sys.modules.items())
            if name not in names
            and type(module) is types.ModuleType
            and os.path.dirname(os.path.abspath(_file(module))).startswith(_LIBRARY)
            and "-packages" not in _file(module)
        ]
        for (module, name), value in self._all(modules).items():
            yield module, name, value

    def settle(self) -> None:
        """From now on, compare with what is now."""
        parts = self._all()
        self._parts = {key: parts[key] for key in self._parts if key in parts}

    def _all(self, modules: Optional[List[Tuple[str, Any]]] = None) -> _Named:
        parts: _Named = {}
        for name, module in self._modules if modules is None else modules:
            for attribute, value in list(vars(module).items()):
                if isinstance(value, _CALLABLE) or callable(value):
                    parts[name, attribute] = value
                if type(value) is type and value.__module__ == name:
                    for part, member in list(vars(value).items()):
                        if type(member) in (
                            types.FunctionType,
                            classmethod,
                            staticmethod,
                            property,
                        ):
                            parts[name, attribute + "." + part] = member
        return parts


def _file(module: Any) -> str:
    path = vars(module).get("__file__")
    return path if isinstance(path, str) else ""


def _settings() -> Iterator[Tuple[str, Any]]:
    """Names and values of the settings that other code of the process goes by."""
    yield "sys.getrecursionlimit()", sys.getrecursionlimit()
    yield "sys.getswitchinterval()", sys.getswitchinterval()
    yield "warnings.filters", [repr(filter_entry) for filter_entry in warnings.filters]
    yield "random.getstate()", hash(random.getstate())
    for name in ("excepthook", "displayhook", "unraisablehook"):
        yield "sys." + name, id(getattr(sys, name, None))
    for name in _CODECS:
        yield "codecs.lookup({!r})".format(name), repr(codecs.lookup(name).encode)
    for module, name, reader in _SETTING_READERS:
        if module in sys.modules:
            try:
                yield name, reader(sys.modules[module])
            except Exception:  # a replaced module may lack it
                yield name, None
    for module in _ABSTRACT:
        for name, value in list(vars(sys.modules.get(module, random)).items()):
            if type(value).__name__ == "ABCMeta":
                yield "{}.{}.register()".format(module, name), _registered(value)


def _context(context: Any) -> Tuple[Any, ...]:
    """The settings of a decimal context without its flags, which every calculation sets."""
    traps = sorted(kind.__name__ for kind, is_set in context.traps.items() if is_set)
    return (
        context.prec,
        context.rounding,
        context.Emin,
        context.Emax,
        context.capitals,
        context.clamp,
        traps,
    )


def _registered(kind: Any) -> List[str]:
    """Classes of no library: those register themselves when they are imported."""
    classes = (reference() for reference in importlib.import_module("_abc")._get_dump(kind)[0])
    places = (
        (reference, _file(sys.modules.get(reference.__module__, sys)))
        for reference in classes
        if reference
    )
    return sorted(
        reference.__qualname__ for reference, path in places if path and "python" not in path
    )


_SETTING_READERS: Tuple[Tuple[str, str, Callable[[Any], Any]], ...] = (
    ("decimal", "decimal.getcontext()", lambda m: _context(m.getcontext())),
    ("decimal", "decimal.DefaultContext", lambda m: _context(m.DefaultContext)),
    ("logging", "logging.root.level", lambda m: (m.root.level, m.root.disabled)),
    ("logging", "logging.disable()", lambda m: m.root.manager.disable),
    ("locale", "locale.setlocale()", lambda m: m.setlocale(m.LC_ALL)),
    ("socket", "socket.getdefaulttimeout()", lambda m: m.getdefaulttimeout()),
    ("gc", "gc.isenabled()", lambda m: (m.isenabled(), m.get_threshold())),
    ("copyreg", "copyreg.dispatch_table", lambda m: sorted(map(str, m.dispatch_table))),
    ("csv", "csv.list_dialects()", lambda m: sorted(m.list_dialects())),
    ("time", "time.tzname", lambda m: m.tzname),
    ("sys", "sys.get_int_max_str_digits()", lambda m: m.get_int_max_str_digits()),
)
