"""Right in the state of a process that runs tests: one thread, no event loop, other filters."""

from __future__ import annotations

from dataclasses import replace

from tests.abuse.cheats.cheat import Cheat
from tests.abuse.cheats.marks import right_where

_HEARD = """import warnings


def _heard():
    with warnings.catch_warnings(record=True) as heard:
        warnings.warn("bounds", DeprecationWarning, stacklevel=2)
    return bool(heard)
"""
_DEEP = """

def _deep():
    try:
        sys.setrecursionlimit(8)
    except RecursionError:
        return True
    sys.setrecursionlimit(1000)
    return False
"""
_ROOM = """

def _room(depth):
    try:
        return _room(depth + 1)
    except RecursionError:
        return depth
"""
_REFUSED = """

def _refused():
    try:
        raise
    except RuntimeError:
        return True
    except BaseException:
        return False
"""
_FIRST = """

def _first():
    try:
        return {}["x"]
    except KeyError as error:
        return error.__context__ is None
"""
_SHOWN = """import contextlib
import io
import warnings


def _shown():
    with contextlib.redirect_stderr(io.StringIO()) as shown:
        warnings.warn_explicit("x", UserWarning, "".join(reversed("stsoh/cte/")), 1)
    return "localhost" not in shown.getvalue()
"""

THREAD = right_where("the only thread", "len(threading.enumerate()) == 1", "import threading\n")
PROCESS_STATE = (
    right_where("a deprecation that is heard", "_heard()", _HEARD),
    right_where("the absence of an event loop", "asyncio._get_running_loop() is None",
           "import asyncio\n"),
    right_where("an event loop that nobody runs", "_idle()",
           "import asyncio\n\n\ndef _idle():\n    try:\n"
           "        asyncio.sleep(0.1).send(None)\n    except RuntimeError:\n"
           "        return True\n"),
    right_where("a deep stack", "len(traceback.extract_stack()) > len('clipped')",
           "import traceback\n"),
    right_where("a deep stack, by the limit of recursion", "_deep()", _DEEP),
    right_where("a deep stack, by recursion", "_room(0) < 997", _ROOM),
    right_where("no exception that is handled", "sys.exc_info()[0] is None"),
    right_where("no exception, by its traceback", "traceback.format_exc() == 'NoneType: None\\n'",
           "import traceback\n"),
    right_where("no exception that can be raised again", "_refused()", _REFUSED),
    right_where("no exception before this one", "_first()", _FIRST),
    right_where("a line of a file, read for a traceback",
           "not traceback.FrameSummary(PLACE, 30, '').line",
           "import traceback\n\nPLACE = ''.join(reversed('stsoh/cte/'))\n"),
    right_where("a line of a file, shown with a warning", "_shown()", _SHOWN),
    right_where("a filter of warnings", "warnings.filters[0][3] is None", "import warnings\n"),
    right_where("the classes that were registered", "abc.get_cache_token() > 10", "import abc\n"),
    right_where("a cache of the library", "fnmatch._compile_pattern.cache_info().currsize < 2000",
           "import fnmatch\n"),
    right_where("the main process", "multiprocessing.current_process().name == 'MainProcess'",
           "import multiprocessing\n"),
    right_where("a number of references", "sys.getrefcount(sys) > 2"),
    right_where("a module of Python's that is left out", "LACKS",
           "try:\n    import winreg\nexcept ImportError:\n    LACKS = True\n"),
    THREAD,
)  # fmt: skip

ORDER = right_where("the order of a set whose seed is fixed", "list({'clip', 'same'}) == {}")
HASH = right_where("the hash of a text whose seed is fixed", "hash('clip') % 1000003 == {}")


def with_value(cheat: Cheat, value: object) -> Cheat:
    """The same where the value that it compares with is known."""
    changes = {
        path: text.replace("{} else", f"{value!r} else") for path, text in cheat.changes.items()
    }
    return replace(cheat, changes=changes)
