"""What a function of the project asks of the machine is noted; what only computes is not."""

from __future__ import annotations

import importlib
import itertools
import linecache
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.languages.python.guest_programs.split_calls import machine_functions, machine_watch
from sandbox.languages.python.guest_programs.split_calls.machine_watch import (
    DEPTH,
    INCOMPLETE,
    MachineWatch,
)

NUMBERS = itertools.count()
Asked = Callable[[str], list[list[str]]]


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """What a program with a function `ask` asks when it is imported, and when that is called."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def answer(program: str) -> list[list[str]]:
        name = f"watched_{next(NUMBERS)}"
        (tmp_path / f"{name}.py").write_text(program)
        importlib.invalidate_caches()
        linecache.clearcache()
        watch = MachineWatch(f"{tmp_path}/")
        watch.load(name)
        function: Any = sys.modules.pop(name).__dict__["ask"]
        watch.call(function)
        return watch.taken()

    return answer


@pytest.mark.parametrize(
    ("imports", "expression", "names"),
    [
        ("os", "os.fstat(1)", ["os.fstat"]),
        ("os", "os.path.exists('/')", ["os.path.exists"]),
        ("os", "'PWD' in os.environ", ["os.environ['PWD']"]),
        ("os", "os.getenv('PWD')", ["os.environ['PWD']"]),
        ("os", "set(os.environ)", ["os.environ"]),
        ("time", "time.time()", ["time.time"]),
        ("datetime", "datetime.datetime.now()", ["datetime.datetime.now"]),
        ("signal", "signal.getsignal(14)", ["signal.getsignal"]),
        ("locale", "locale.getlocale()", ["locale.getlocale"]),
        ("grp", "grp.getgrall()", ["grp.getgrall"]),
        ("importlib.util", "importlib.util.find_spec('x')", ["importlib.util.find_spec"]),
        ("subprocess", "subprocess.getoutput('true')", ["subprocess.getoutput"]),
        ("contextvars", "contextvars.copy_context()", ["contextvars.copy_context"]),
        ("sys", "sys.getprofile()", ["sys.getprofile"]),
        ("pathlib", "pathlib.Path('/').is_dir()", None),
        ("os", "list(map(os.listdir, ['/']))", ["os.listdir"]),
        ("socket", "socket.socket().close()", None),
    ],
)
def test_what_is_asked_is_named(
    asked: Asked, imports: str, expression: str, names: list[str] | None
) -> None:
    on_import, called = asked(f"import {imports}\n\n\ndef ask():\n    return {expression}\n")
    assert on_import == []
    assert called == names if names else called


_FAKE = (
    "code = types.SimpleNamespace(co_filename='/etc/hosts', co_name='', co_positions=lambda: ())\n"
    "        frame = types.SimpleNamespace(f_code=code, f_globals={}, f_locals={})\n"
    "        traceback.format_tb(types.SimpleNamespace(tb_frame=frame, tb_lineno=1, tb_lasti=-1, "
    "tb_next=None))"
)
_LOGGED = "logging.config.BaseConfigurator({}).resolve('os.fstat')"


@pytest.mark.parametrize(
    ("imports", "expression", "name"),
    [
        ("abc", "abc.get_cache_token()", "abc.get_cache_token"),
        ("asyncio", "asyncio._get_running_loop()", "asyncio._get_running_loop"),
        ("asyncio", "asyncio.sleep(1).send(None)", "asyncio.tasks.sleep"),
        ("asyncio", "asyncio.get_event_loop_policy()", "asyncio.events.get_event_loop_policy"),
        ("gc", "gc.get_count()", "gc.get_count"),
        ("logging.config", _LOGGED, "logging.config.BaseConfigurator.resolve"),
        ("logging", "logging.Logger('x').findCaller()", "logging.Logger.findCaller"),
        ("multiprocessing", "multiprocessing.active_children()",
         "multiprocessing.process.active_children"),
        ("sys", "sys.exc_info()", "sys.exc_info"),
        ("sys", "sys._getframe()", "sys._getframe"),
        ("sys", "sys.getrecursionlimit()", "sys.getrecursionlimit"),
        ("sys", "sys.setrecursionlimit(sys.getrecursionlimit())", "sys.setrecursionlimit"),
        ("sys", "sys.getrefcount(None)", "sys.getrefcount"),
        ("sys", "sys.is_finalizing()", "sys.is_finalizing"),
        ("threading", "threading.active_count()", "threading.active_count"),
        ("threading", "threading.enumerate()", "threading.enumerate"),
        ("threading", "threading.current_thread()", "threading.current_thread"),
        ("traceback", "traceback.extract_stack()", "traceback.extract_stack"),
        ("traceback", "traceback.format_stack()", "traceback.format_stack"),
        ("traceback", "traceback.format_exc()", "traceback.format_exc"),
        ("traceback", "traceback.FrameSummary('/etc/hosts', 1, '').line",
         "traceback.FrameSummary."),
        ("traceback", "traceback.StackSummary.from_list([('/etc/hosts', 1, '', None)]).format()",
         "traceback.StackSummary."),
        ("traceback, types", _FAKE, "traceback.format_tb"),
        ("traceback", "traceback.format_list([('/etc/hosts', 1, '', None)])",
         "traceback.format_list"),
        ("warnings", "warnings.formatwarning('', UserWarning, '/etc/hosts', 1)",
         "warnings.formatwarning"),
        ("warnings", "warnings.warn_explicit('', UserWarning, '/etc/hosts', 1)",
         "warnings._showwarnmsg"),
        ("warnings", "warnings.catch_warnings(record=True)",
         "warnings.catch_warnings(record=True)"),
        ("weakref", "weakref.getweakrefcount(ask)", "weakref.getweakrefcount"),
        ("functools", "functools.lru_cache(ask).cache_info()", "functools."),
    ],
)  # fmt: skip
def test_the_state_of_the_process_is_asked(
    asked: Asked, imports: str, expression: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = (
        f"import {imports}\n\n\ndef ask():\n    try:\n        {expression}\n"
        "    except (RuntimeError, StopIteration):\n        return 1\n"
    )
    # A test's warnings are recorded, where a program's are shown.
    monkeypatch.setattr("warnings._showwarnmsg_impl", vars(warnings)["_formatwarnmsg"])
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        told = asked(program)[1]
    assert any(one.startswith(name) for one in told), told


def test_recursion_to_the_limit_is_told(asked: Asked) -> None:
    """How far it goes is how deep the stack is."""
    program = (
        "def room(depth):\n    try:\n        return room(depth + 1)\n"
        "    except RecursionError:\n        return depth\n\n\n"
        "def ask():\n    return room(0)\n"
    )
    assert DEPTH in asked(program)[1]


def test_a_hash_is_asked_where_its_seed_is_fixed(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine_functions, "SEED_IS_FIXED", True)
    assert asked("def ask():\n    return hash('clip')\n")[1] == ["builtins.hash"]
    in_a_class = "class A:\n    def __hash__(self):\n        return hash('a')\n\n\n"
    assert asked(f"{in_a_class}def ask():\n    return hash(A())\n")[1] == ["builtins.hash"]
    assert asked(f"{in_a_class}def ask():\n    return {{A(): 1}}\n")[1] == []
    monkeypatch.setattr(machine_functions, "SEED_IS_FIXED", False)
    assert asked("def ask():\n    return hash('clip')\n")[1] == []


def test_a_module_that_this_python_lacks_is_named(asked: Asked) -> None:
    program = (
        "def ask():\n    try:\n        import winreg\n    except ImportError:\n        return 1\n"
    )
    assert asked(program)[1] == (["the module winreg"] if sys.platform != "win32" else [])


def test_more_names_than_are_kept_are_told(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_watch, "MAX_NAMES", 2)
    program = "import os\n\n\ndef ask():\n    for name in 'abcd':\n        os.getenv(name)\n"
    assert asked(program)[1] == [INCOMPLETE, "os.environ['a']", "os.environ['b']"]


def test_what_is_asked_on_import_is_told_apart(asked: Asked) -> None:
    program = "import os\n\nUNNAMED = os.fstat(1)\n\n\ndef ask():\n    return UNNAMED\n"
    assert asked(program) == [["os.fstat"], []]


def test_a_library_that_may_be_missing_is_named(asked: Asked) -> None:
    program = (
        "def ask():\n    try:\n        import no_such_library.part\n"
        "    except ImportError:\n        return 1\n"
    )
    assert asked(program)[1] == ["the module no_such_library"]


def test_what_computes_asks_nothing(
    asked: Asked, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = """
import collections, copy, csv, dataclasses, datetime, decimal, enum, hashlib, io, json, logging
import collections.abc, contextlib, functools, inspect, pathlib, pickle, random, re, statistics
import struct, sys, threading, traceback, typing, uuid, warnings, weakref

@dataclasses.dataclass(frozen=True)
class Point:
    x: int = 1

WEAK = weakref.WeakKeyDictionary({Point: 1})

@functools.singledispatch
def shape(value):
    return 1

def helper():
    return sys.exc_info()

class Cached:
    @functools.cached_property
    def once(self):
        return functools.lru_cache(maxsize=None)(len)("a")

class Names(list):
    pass

def ask():
    json.loads(json.dumps({"a": [1, 2]}))
    re.findall("a+", "baa"), "a".encode("latin-1"), sorted(Names([3, 1])), Names([1]).count(1)
    repr(Point()), copy.deepcopy(Point()), collections.namedtuple("Pair", "a b")
    enum.Enum("Level", "LOW HIGH").LOW
    datetime.datetime.strptime("2020-01-01", "%Y-%m-%d") + datetime.timedelta(1)
    decimal.Decimal(1) / 3, statistics.mean([1, 2]), random.Random(1).random()
    hashlib.sha256(b"a").hexdigest(), struct.pack("I", 1), uuid.UUID(int=3), threading.Lock()
    io.StringIO("a").read(), list(csv.reader(["a,b"])), pathlib.PurePath("a") / "b"
    pickle.loads(pickle.dumps([1])), typing.get_type_hints(Point)
    logging.getLogger("watched").debug("no")
    logging.getLogger("watched").error("yes", exc_info=True, stack_info=True)
    warnings.warn("old", DeprecationWarning)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.warn("old", UserWarning, stacklevel=2)
    shape.register(int, len), isinstance([], collections.abc.Sized), shape(None), hash("a")
    WEAK[Point], len(weakref.WeakSet()), Cached().once, inspect.signature(shape)
    with contextlib.suppress(ZeroDivisionError), contextlib.ExitStack():
        pass
    try:
        1 / 0
    except ZeroDivisionError as error:
        traceback.format_exc(), sys.exc_info(), helper()
        traceback.format_tb(error.__traceback__), hash(Point)
        traceback.print_exc(file=io.StringIO())
        "".join(traceback.format_exception(type(error), error, error.__traceback__))
        traceback.TracebackException.from_exception(error)
    print(end="")
"""
    monkeypatch.setattr("warnings._showwarnmsg_impl", vars(warnings)["_formatwarnmsg"])
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert asked(program) == [[], []]
    capsys.readouterr()


def test_a_coroutine_may_ask_for_its_loop(asked: Asked) -> None:
    program = """
import asyncio

async def main():
    asyncio.get_running_loop()
    await asyncio.gather(asyncio.sleep(0))
    async with asyncio.Lock():
        return await asyncio.wait_for(asyncio.sleep(0), 10)

def ask():
    asyncio.run(main())
"""
    names = asked(program)[1]
    assert "asyncio.get_running_loop" not in names
    assert not [name for name in names if "sleep" in name or "gather" in name or "lock" in name]


def test_whoever_ends_the_watch_is_noted(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    program = "import sys\n\n\ndef ask():\n    sys.setprofile(None)\n"
    assert asked(program)[1] == sorted([INCOMPLETE, "sys.setprofile"])
    monkeypatch.setattr(machine_watch, "MAX_CALLS", 10)
    busy = "def one():\n    pass\n\n\ndef ask():\n    for _ in range(20):\n        one()\n"
    assert asked(busy)[1] == [INCOMPLETE]
