"""Which functions of the standard library ask the machine or the process. Python 3.8+,
standard library only.

What reads the state of the process (its threads, its stack, the exception that is handled, caches)
is asked like the clock is: it may be one thing under test and another elsewhere. What honest code
does all the time through a library (a log call, a warning, a traceback) asks for itself alone.
"""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any, Callable, Dict, FrozenSet

COMPUTING = frozenset(
    (
        "_abc _ast _asyncio _bisect _blake2 _bz2 _codecs _collections _collections_abc _csv "
        "_decimal _elementtree _functools _hashlib _heapq _imp _json _lsprof _lzma _md5 "
        "_multibytecodec _opcode _operator _pickle _queue _random _sha1 _sha2 _sha256 _sha3 "
        "_sha512 _sre _stat _statistics _string _struct _suggestions _symtable _tokenize _typing "
        "_warnings _weakref _zoneinfo array atexit binascii builtins cmath collections decimal "
        "errno functools itertools marshal math operator pyexpat re struct types typing "
        "unicodedata weakref xml.etree.ElementTree zlib"
    ).split()
)
ASKING: Dict[str, FrozenSet[str]] = {
    "_abc": frozenset(["_get_dump", "get_cache_token"]),
    "_asyncio": frozenset(
        "_get_running_loop all_tasks current_task get_event_loop get_running_loop".split()
    ),
    "_contextvars": frozenset(["copy_context", "get"]),
    "_datetime": frozenset(
        ["astimezone", "fromtimestamp", "now", "timestamp", "today", "utcfromtimestamp", "utcnow"]
    ),
    "_imp": frozenset(["lock_held"]),
    "_io": frozenset(
        "fileno isatty open open_code read read1 readall readinto readline readlines".split()
    ),
    "_thread": frozenset(
        "_count get_ident get_native_id stack_size start_joinable_thread start_new_thread".split()
    ),
    "_weakref": frozenset(["getweakrefcount", "getweakrefs"]),
    "atexit": frozenset(["_ncallbacks"]),
    "builtins": frozenset(["__import__", "breakpoint", "hash", "input"]),
    "functools": frozenset(["cache_info"]),
}
"""The modules of which only some functions ask."""
ALSO_COMPUTING: Dict[str, FrozenSet[str]] = {
    "_socket": frozenset("htonl htons inet_aton inet_ntoa inet_ntop inet_pton ntohl ntohs".split()),
    "posix": frozenset(
        "_path_normpath _path_splitroot _path_splitroot_ex close fspath strerror".split()
    ),
    "sys": frozenset(
        (
            "audit displayhook excepthook getdefaultencoding getfilesystemencodeerrors "
            "getfilesystemencoding getsizeof"
        ).split()
    ),
    "time": frozenset(["sleep", "strptime"]),
}  # fmt: skip
"""The other way round."""
PUBLIC = {
    "_io": "io",
    "genericpath": "os.path",
    "nt": "os",
    "posix": "os",
    "posixpath": "os.path",
}
SAME = {
    "contextvars": "_contextvars",
    "datetime": "_datetime",
    "io": "_io",
    "nt": "posix",
}
"""What C code calls itself → the module that holds it."""
MEMORY = frozenset(["BytesIO", "IncrementalNewlineDecoder", "StringIO"])
"""Classes of `_io` that are no files."""
QUIET_EVENTS = frozenset(
    (
        "array.__new__ builtins.breakpoint builtins.id code.__new__ compile exec"
        " function.__new__ gc.get_objects marshal.dumps marshal.load "
        "marshal.loads object.__delattr__ object.__getattr__ object.__setattr__ "
        "pickle.find_class sys._getframe sys._getframemodulename sys.unraisablehook time.sleep"
    ).split()
)
ONLY_ITSELF = frozenset(
    (
        "_abc._get_dump _abc.get_cache_token _weakref.getweakrefcount _weakref.getweakrefs "
        "builtins.hash functools.cache_info sys.getrecursionlimit sys.getrefcount "
        "sys.intern sys.is_finalizing"
    ).split()
)
"""Asked where the project's own code calls them; libraries do so for themselves."""
FOR_A_NAME = frozenset(
    "_collections_abc collections dataclasses encodings enum importlib typing".split()
)
"""Modules that look at their caller, or import, for what something is called alone."""
_FOR_THEMSELVES = frozenset(
    (
        "builtins.__import__ sys._getframe sys._getframemodulename sys.exc_info sys.exception "
        "sys.setrecursionlimit"
    ).split()
)
"""What installed libraries do for themselves: to import late, to find who warns."""
IN_PYTHON = {
    "_get_event_loop_policy": "asyncio.events",
    "active_children": "multiprocessing.process",
    "active_count": "threading",
    "activeCount": "threading",
    "current_process": "multiprocessing.process",
    "enumerate": "threading",
    "get_event_loop_policy": "asyncio.events",
    "parent_process": "multiprocessing.process",
}
"""Functions in Python that read the process without any call of C code → their module."""
_LOG_CALLS = frozenset("critical debug error exception info log warn warning".split())
_OF_TRACEBACKS = frozenset(
    function.__code__
    for function in (
        traceback.TracebackException.__init__,
        traceback.TracebackException.format_exception_only,
        vars(traceback.TracebackException)["from_exception"].__func__,
        traceback.format_exc,
        traceback.format_exception,
        traceback.format_exception_only,
        traceback.format_tb,
        traceback.print_exc,
        traceback.print_exception,
        traceback.print_tb,
    )
)
"""What shows a real exception. A stack that the project puts together reads any file."""
_QUIET_LIBRARY = frozenset(["_strptime", "dataclasses", "reprlib"])
"""Modules that ask for themselves alone: for a lock, a source line, the names of months."""


def is_quiet(frame: Any) -> bool:
    """Whether a function of a library, which the project calls, asks for itself alone."""
    code = frame.f_code
    module = str(frame.f_globals.get("__name__"))
    if module in ("_py_warnings", "warnings"):
        return code.co_name in ("_showwarnmsg", "warn") and _is_of_the_stack(frame)
    top = module.partition(".")[0]
    if top == "logging":
        return code.co_name in _LOG_CALLS
    return top in _QUIET_LIBRARY or code in _OF_TRACEBACKS


def _is_of_the_stack(frame: Any) -> bool:
    """Whether the source line that a warning shows is of code that runs: `warn_explicit` may name
    any file."""
    if frame.f_code.co_name == "warn":
        return True
    filename = getattr(frame.f_locals.get("msg"), "filename", None)
    if type(filename) is not str:
        return False
    while frame is not None:
        if frame.f_code.co_filename == filename:
            return True
        frame = frame.f_back
    return "/" not in filename


def says_nothing(module: str, name: str, frame: Any, of_project: Callable[[Any], bool]) -> bool:
    """Whether a call that may ask does not, for what calls it or what the process is doing."""
    caller = str(frame.f_globals.get("__name__")).partition(".")[0]
    full_name = "{}.{}".format(module, name)
    if full_name in ONLY_ITSELF and not of_project(frame):
        return True
    if full_name in _FOR_THEMSELVES and "-packages/" in frame.f_code.co_filename:
        return True
    if full_name == "builtins.hash":  # a class says with it what it is like
        return not SEED_IS_FIXED or frame.f_code.co_name == "__hash__"
    if full_name in ("builtins.__import__", "sys._getframe", "sys._getframemodulename"):
        return caller in FOR_A_NAME
    if full_name in ("sys.exc_info", "sys.exception"):
        return (caller != "traceback" and not of_project(frame)) or _handles(of_project)
    return module == "_asyncio" and _loop_runs()


SEED_IS_FIXED = os.environ.get("PYTHONHASHSEED", "random") != "random"
"""What a hash of a text is says then where this runs."""


def _handles(of_project: Callable[[Any], bool]) -> bool:
    """Whether code of the project handles an exception. Outside of that, what is handled is
    somebody else's, or nothing."""
    trace = sys.exc_info()[2]
    return trace is not None and of_project(trace.tb_frame)


def _loop_runs() -> bool:
    """Code that runs in an event loop may ask for it; to learn whether there is one is to ask."""
    module = sys.modules.get("_asyncio")
    return module is not None and module._get_running_loop() is not None
