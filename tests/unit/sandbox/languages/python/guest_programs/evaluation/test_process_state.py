"""What one candidate leaves behind is seen; what ends with it is not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import sandbox

SOURCE = """import abc, collections, enum, functools, io, itertools, logging, random, re, threading
import library

TABLE = {"a": [1, 2]}
KINDS = {"x"}
BYTES = bytearray(b"abc")
QUEUE = collections.deque([1])
STREAM = io.StringIO("text")
NUMBERS = itertools.count()
GENERATOR = random.Random(3)
LOCK = threading.Lock()
LOG = logging.getLogger("own")
PATTERN = re.compile("a+")


class Color(enum.Enum):
    RED = 1


class Node:
    count = 0
    __slots__ = ("value", "next")

    def __init__(self, value):
        self.value = value


NODE = Node([1])


class Shelf:
    def __init__(self):
        self.books = {"one": NODE}

    @functools.cached_property
    def size(self):
        return len(self.books)


SHELF = Shelf()


@functools.lru_cache(maxsize=8)
def cached(number):
    return [number]


def with_default(found=[]):
    found.append(1)


def counter():
    total = 0

    def add():
        nonlocal total
        total += 1

    return add


ADD = counter()
NEXT = itertools.count(1).__next__
PUT = [].append
ONLY = {"a": None}
GROWING = library.remembering(lambda number: [number])


class Base:
    pass


class Abstract(abc.ABC):
    pass
"""
CHANGES = {
    "a nested list": "own.TABLE['a'].append(3)",
    "an item": "own.TABLE['b'] = 1",
    "an equal item of another object": "own.TABLE['a'] = [1, 2]",
    "a set": "own.KINDS.add('y')",
    "bytes": "own.BYTES.append(1)",
    "a deque": "own.QUEUE.append(2)",
    "a stream": "own.STREAM.read(2)",
    "a counter": "next(own.NUMBERS)",
    "a generator of random numbers": "own.GENERATOR.random()",
    "the shared one": "random.random()",
    "a lock": "own.LOCK.acquire()",
    "a logger": "own.LOG.setLevel(10)",
    "a module variable": "own.NEW = 1",
    "a module function": "own.cached = None",
    "a class attribute": "own.Node.count += 1",
    "a slot": "own.NODE.value = 2",
    "an empty slot": "own.NODE.next = 2",
    "what a slot holds": "own.NODE.value.append(2)",
    "an attribute": "own.SHELF.name = 'x'",
    "a cached property": "own.SHELF.size",
    "a cached call": "own.cached(1)",
    "a default": "own.with_default()",
    "a closure": "own.ADD()",
    "a method": "own.Shelf.size = 3",
    "an enumeration": "own.Color.RED.more = 1",
    "a counter behind its method": "own.NEXT()",
    "a list behind its method": "own.PUT(1)",
    "a key": "own.ONLY.clear()\nown.ONLY['b'] = None",
    "a cache that a library wraps around": "own.GROWING(1)",
    "a subclass that lives on": "KEPT.append(type('Local', (own.Base,), {}))",
    "a registered class": "own.Abstract.register(int)",
    "a variable of a standard module": "own.threading.TIMEOUT_MAX = 3",
    "a signal handler": "signal.signal(signal.SIGUSR1, lambda *_: None)",
    "the mask": "os.umask(0o7)",
    "an argument of the command": "sys.argv.append('x')",
    "logging that is off": "own.logging.disable(50)",
    "a nested container of a library": "library.OPTIONS['display']['width'] = 3",
    "a stream of the process": "sys.stdout = None",
    "the environment": "os.environ['REPAIR_X'] = '1'",
    "the folder": "os.chdir('/')",
    "a temporary file": "tempfile.mkstemp()",
    "an open file": "builtins_open = os.open('/dev/null', 0)",
    "a module": "import this_is_new",
    "the path": "sys.path.append('/x')",
    "an argument": "held[0].append(1)",
    "a thread": "threading.Thread(target=time.sleep, args=(5,), daemon=True).start()",
    "the recursion limit": "sys.setrecursionlimit(sys.getrecursionlimit() + 1)",
    "a trace": "sys.settrace(lambda *_: None)",
    "an alarm": "signal.setitimer(signal.ITIMER_REAL, 100)",
    "decimal precision": "decimal.getcontext().prec = 3",
    "a warning filter": "warnings.simplefilter('error')",
    "a builtin": "builtins.len = None",
    "a container of a library": "library.REGISTRY.append(1)",
    "a variable of a library": "library.MODE = 2",
}
NO_CHANGES = {
    "nothing": "pass",
    "a call": "own.Shelf()",
    "a copy": "dict(own.TABLE)['b'] = 1",
    "a match": "own.PATTERN.match('aa')",
    "a failure": "try:\n    own.Node()\nexcept TypeError:\n    pass",
    "a warning": "warnings.warn_explicit('x', UserWarning, 'own.py', 3, registry={})",
    "a class that is gone": "class Local(own.Base):\n    pass\ndel Local",
    "put back": "own.NEW = 1\ndel own.NEW",
}
LIBRARY = """
REGISTRY = []
MODE = 1
OPTIONS = {"display": {"width": 80}}

def remembering(function):
    found = {}

    def wrapper(number):
        if number not in found:
            found[number] = function(number)
        return found[number]

    return wrapper
"""
PROGRAM = """
import builtins, decimal, json, os, random, signal, sys, tempfile, threading, time, warnings
workspace, cases = sys.argv[1], json.loads(sys.argv[2])
sys.path[:0] = [workspace + "/project", workspace + "/library"]
os.environ["TMPDIR"] = workspace + "/scratch"
import own, library
from sandbox.languages.python.guest_programs.evaluation.screening.process_state import ProcessState
held = [[1]]
KEPT = []
state = ProcessState(workspace + "/project", held)
print(json.dumps(state.unknown))
for case in cases:
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        state.remember()
        before = state.changed()
        exec(case)
        os._exit(2 if before else state.changed())
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def _run(folder: Path, cases: list[str], source: str = SOURCE) -> tuple[str, list[int]]:
    for name, text in (
        ("project/own.py", source),
        ("library/library.py", LIBRARY),
        ("library/this_is_new.py", ""),
        ("scratch/.keep", ""),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    line = [sys.executable, "-c", PROGRAM, str(folder), json.dumps(cases)]
    root = Path(sandbox.__file__).parent.parent
    said = subprocess.run(line, cwd=root, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    unknown, *codes = said.stdout.splitlines()
    return json.loads(unknown), list(map(int, codes))


def test_what_a_candidate_leaves_behind_is_seen(tmp_path: Path) -> None:
    unknown, codes = _run(tmp_path, list(CHANGES.values()))
    assert unknown == ""
    assert {name: code for name, code in zip(CHANGES, codes, strict=True) if code != 1} == {}


def test_what_ends_with_a_candidate_is_no_change(tmp_path: Path) -> None:
    unknown, codes = _run(tmp_path, list(NO_CHANGES.values()))
    assert unknown == ""
    assert dict(zip(NO_CHANGES, codes, strict=True)) == dict.fromkeys(NO_CHANGES, 0)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("iter([1, 2])", "builtins.list_iterator"),
        ("(n for n in [1])", "builtins.generator"),
        ("__import__('threading').local()", "_thread._local"),
        ("__import__('random').SystemRandom()", "random.SystemRandom"),
        ("__import__('asyncio').Future(loop=__import__('asyncio').new_event_loop())", "_asyncio"),
        ("__import__('sqlite3').connect(':memory:')", "sqlite3.Connection"),
    ],
)
def test_what_cannot_be_seen_is_said(tmp_path: Path, value: str, kind: str) -> None:
    unknown, _ = _run(tmp_path, [], f"VALUE = {value}\n")
    assert unknown.startswith(kind)


def test_too_much_to_look_at_is_said(tmp_path: Path) -> None:
    unknown, _ = _run(tmp_path, [], "ROWS = [[n, str(n)] for n in range(50_000)]\n")
    assert unknown.endswith("are too many")


PROXY = """class Proxy:
    @property
    def __class__(self):
        raise RuntimeError("settings are not configured")


SETTINGS = Proxy()
"""


def test_no_code_of_the_project_runs_to_look_at_it(tmp_path: Path) -> None:
    assert _run(tmp_path, ["pass"], PROXY) == ("", [0])
