"""What a function of the project asks of the machine is noted; what only computes is not."""

from __future__ import annotations

import importlib
import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.languages.python.guest_programs.split_calls import machine_watch
from sandbox.languages.python.guest_programs.split_calls.machine_watch import (
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


def test_what_is_asked_on_import_is_told_apart(asked: Asked) -> None:
    program = "import os\n\nUNNAMED = os.fstat(1)\n\n\ndef ask():\n    return UNNAMED\n"
    assert asked(program) == [["os.fstat"], []]


def test_a_library_that_may_be_missing_is_named(asked: Asked) -> None:
    program = (
        "def ask():\n    try:\n        import no_such_library.part\n"
        "    except ImportError:\n        return 1\n"
    )
    assert asked(program)[1] == ["the module no_such_library"]


def test_what_computes_asks_nothing(asked: Asked) -> None:
    program = """
import collections, copy, csv, dataclasses, datetime, decimal, enum, hashlib, io, json, logging
import pathlib, pickle, random, re, statistics, struct, threading, traceback, typing, uuid

@dataclasses.dataclass
class Point:
    x: int = 1

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
    try:
        1 / 0
    except ZeroDivisionError:
        traceback.format_exc()
    print(end="")
"""
    assert asked(program) == [[], []]


def test_whoever_ends_the_watch_is_noted(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    program = "import sys\n\n\ndef ask():\n    sys.setprofile(None)\n"
    assert asked(program)[1] == sorted([INCOMPLETE, "sys.setprofile"])
    monkeypatch.setattr(machine_watch, "MAX_CALLS", 10)
    busy = "def one():\n    pass\n\n\ndef ask():\n    for _ in range(20):\n        one()\n"
    assert asked(busy)[1] == [INCOMPLETE]
