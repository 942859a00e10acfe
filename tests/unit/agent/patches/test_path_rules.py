"""Patches that are refused before they run, and honest ones that are not."""

from __future__ import annotations

import pytest

from agent.patches.changes import FileChange
from agent.patches.path_rules import construct_objections, path_objections

BASE = frozenset(
    {"pkg/__init__.py", "pkg/core.py", "src/lib/__init__.py", "tests/test_core.py", "link.py"}
)


class Rules:
    """A layout with tests in `tests/`."""

    def is_test_path(self, path: str) -> bool:
        return path.startswith("tests/")

    def is_config_path(self, path: str) -> bool:
        return path == "custom.toml"

    def holds_pinned_examples(self, path: str) -> bool:
        return path.endswith("examples.py")


def _paths(path: str, change: FileChange, **options: bool) -> tuple[str, ...]:
    return path_objections(
        {path: change}, rules=Rules(), base_paths=BASE, links=("link.py", "vendor"), **options
    )


EDIT = (b"x = 1\n", b"x = 2\n")
NEW = (None, b"x = 2\n")


@pytest.mark.parametrize(
    ("path", "change", "sentence"),
    [
        ("tests/test_core.py", EDIT, "is a test"),
        ("tests/new_case.py", NEW, "is a test"),
        ("custom.toml", EDIT, "configures"),
        ("pytest.ini", NEW, "configures"),
        ("sub/tox.ini", NEW, "configures"),
        ("pyproject.toml", EDIT, "configures"),
        ("conftest.py", NEW, "by itself"),
        ("pkg/conftest.py", NEW, "by itself"),
        ("conftest/__init__.py", NEW, "by itself"),
        ("sitecustomize.py", NEW, "by itself"),
        ("pkg/usercustomize.py", NEW, "by itself"),
        ("x.pth", NEW, "when it starts"),
        ("evil-1.0.dist-info/entry_points.txt", NEW, "plugins"),
        ("src/lib.egg-info/entry_points.txt", EDIT, "plugins"),
        ("pytest.py", NEW, "hides the real `pytest`"),
        ("src/_pytest/reports.py", NEW, "hides the real `_pytest`"),
        ("unittest/case.py", NEW, "hides the real `unittest`"),
        ("random.py", NEW, "hides the real `random`"),
        (".git/config", NEW, "closed"),
        ("sub/.git/hooks/pre-commit", NEW, "closed"),
        (".github/workflows/ci.yml", EDIT, "closed"),
        (".GitHub/workflows/ci.yml", EDIT, "closed"),
        (".gitmodules", EDIT, "configures"),
        ("../outside.py", NEW, "out of the repository"),
        ("/etc/passwd.py", NEW, "plain relative"),
        ("pkg//core.py", EDIT, "out of the repository"),
        ("link.py", EDIT, "link"),
        ("vendor/a.py", EDIT, "link"),
        ("pkg/core.so", NEW, "not source"),
        ("pkg/core.py", (b"x = 1\n", b"\0\0"), "binary"),
        ("pkg/core.py", (b"x = 1\n", None), "deletes"),
        ("pkg/core.py", (b"x = 1\n", b"\n"), "empties"),
        ("pkg/core.py", (b"x = 1\n", b"#" * 3_000_000), "larger"),
        ("README.md", EDIT, "not source"),
    ],
)
def test_places_closed_to_a_patch(path: str, change: FileChange, sentence: str) -> None:
    objections = _paths(path, change)
    assert any(sentence in objection for objection in objections), objections


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("pkg/core.py", EDIT),
        ("pkg/types.py", NEW),  # in a package: `import types` still finds the real one
        ("src/lib/random.py", NEW),
        ("pkg/helpers/__init__.py", NEW),
        ("pkg/contest.py", NEW),
    ],
)
def test_honest_places(path: str, change: FileChange) -> None:
    assert _paths(path, change) == ()


def test_include_tests_opens_other_files_but_never_the_tests() -> None:
    assert _paths("README.md", EDIT, include_tests=True) == ()
    for path in ("tests/test_core.py", "conftest.py", "pytest.ini", "a.pth", ".git/config"):
        assert _paths(path, EDIT, include_tests=True) != (), path


def test_an_empty_and_a_sprawling_patch() -> None:
    assert "nothing" in path_objections({}, rules=Rules(), base_paths=BASE)[0]
    many = {f"pkg/m{n}.py": EDIT for n in range(21)}
    assert "21 files" in path_objections(many, rules=Rules(), base_paths=BASE)[0]


OLD = b"""import os, sys, json, re
from . import tools

def f(x):
    return x + 1
"""


@pytest.mark.parametrize(
    "added",
    [
        "os._exit(0)",
        "from os import _exit as bye",
        "leave = os._exit",
        "getattr(os, '_exit')(0)",
        "getattr(os, '_ex' + 'it')(0)",
        "os.__dict__['_exit'](0)",
        "vars(os)['_exit'](0)",
        "sys.exit()",
        "raise SystemExit",
        "exec('1')",
        "eval('1')",
        "__import__('x')",
        "import importlib; importlib.import_module('py' + 'test')",
        "import importlib; importlib.import_module('_pytest.reports')",
        "import pytest",
        "from _pytest.reports import TestReport",
        "from unittest import mock",
        "import gc",
        "import ctypes",
        "import atexit",
        "import builtins",
        "import threading; threading.Thread(target=f).start()",
        "from threading import Timer",
        "import signal; signal.signal(1, f)",
        "sys.modules['pytest']",
        "from sys import modules as m",
        "sys._getframe()",
        "import inspect; inspect.stack()",
        "f.__globals__",
        "f.__code__ = None",
        "def g(e): return e.tb_frame.f_globals",
        "sys.settrace(f)",
        "sys.addaudithook(f)",
        "sys.excepthook = f",
        "json.dumps = f",
        "setattr(re, 'match', f)",
        "class A:\n    def __eq__(self, other): return True",
        "class A:\n    def __eq__(self, other): return 1 == 1",
        "class A:\n    __eq__ = lambda self, other: True",
        "class A:\n    def __bool__(self): return True",
        "class A(type):\n    def __instancecheck__(cls, x): return x is not None",
        "type('A', (), {'__eq__': f})",
        "if 'PYTEST_CURRENT_TEST' in os.environ: f = None",
        "open('x', 'w')",
        "open('x', mode='a')",
        "from pathlib import Path; Path('x').write_text('')",
        "import subprocess; subprocess.run(['true'])",
        "from os import *",
        "os.sys.modules",
        "collections._sys.modules",
        "json.codecs.sys._getframe(1)",
        "if __debug__: f = None",
        "if not sys.flags.optimize: f = None",
        "def sorted(x): return []",
        "abs = f",
        "class zip(list): pass",
        "def pytest_pyfunc_call(pyfuncitem): return True",
        "def setup_function(function): pass",
        "pytestmark = []",
        "def load_tests(loader, tests, pattern): return tests",
        "def g(:",
    ],
)
def test_constructs_a_repair_may_not_introduce(added: str) -> None:
    objections = construct_objections({"pkg/core.py": (OLD, OLD + added.encode() + b"\n")})
    assert objections
    assert all(sentence.startswith("pkg/core.py") for sentence in objections)


def test_a_change_of_encoding_is_refused() -> None:
    objections = construct_objections({"pkg/core.py": (OLD, b"# coding: latin-1\n" + OLD)})
    assert "encoding" in objections[0]


@pytest.mark.parametrize(
    "added",
    [
        "def g(x):\n    raise ValueError('bad')",
        "def g(x):\n    sys.exit(2)",
        "def g(p):\n    with open(p, 'w') as out: out.write('x')",
        "class A:\n    def __eq__(self, other): return self.x == other.x",
        "class A:\n    def __bool__(self): return bool(self.x)",
        "class A:\n    __hash__ = None",
        "class A:\n    __ne__ = object.__ne__",
        "PATTERN = re.compile('x')",
        "import inspect\nS = inspect.signature(f)",
        "import threading\nLOCK = threading.Lock()",
        "getattr(f, 'name', None)",
        "def g(o, n): return getattr(o, n)",
        "if __name__ == '__main__':\n    sys.exit(f(1))",
        'def g():\n    """Do as unittest does."""',
        "def g(s): return s.replace('a', 'b')",
        "def g(x):\n    sorted = x\n    return sorted",
        "class A:\n    def filter(self): return self\n    id = 3",
        "class TimeoutError(Exception): pass",
        "KINDS = {}\nKINDS[type] = f",
        "os.path.join('a', sys.prefix)",
    ],
)
def test_honest_constructs(added: str) -> None:
    assert construct_objections({"pkg/core.py": (OLD, OLD + added.encode() + b"\n")}) == ()


@pytest.mark.parametrize(
    ("members", "joined"),
    [
        ("LOW = 1\n    HIGH = 1", True),
        ("LOW = 2\n    HIGH = 2", True),
        ("LOW = 1\n    HIGH = 3", False),
        ("LOW = 1\n    HIGH = 2\n    TOP = 2", False),
        ("LOW = 1", False),
    ],
)
def test_members_of_an_enumeration_stay_apart(members: str, joined: bool) -> None:
    head = "import enum\nclass Level(enum.Enum):\n    "
    old, new = (f"{head}{text}\n".encode() for text in ("LOW = 1\n    HIGH = 2", members))
    assert bool(construct_objections({"pkg/core.py": (old, new)})) == joined


def test_what_the_base_does_already_is_no_objection() -> None:
    old = OLD + b"import threading\nthreading.Thread(target=f)\nexec('f')\n"
    moved = old.replace(b"exec('f')", b"exec('f(1)')").replace(b"x + 1", b"x - 1")
    assert construct_objections({"pkg/core.py": (old, moved)}) == ()
    again = old + b"exec('g')\n"
    assert "exec" in construct_objections({"pkg/core.py": (old, again)})[0]


def test_repairing_a_syntax_error_is_honest() -> None:
    broken = OLD.replace(b"def f(x):", b"def f(x:")
    assert construct_objections({"pkg/core.py": (broken, OLD)}) == ()
    cheat = OLD + b"os._exit(0)\n"
    assert "os._exit" in construct_objections({"pkg/core.py": (broken, cheat)})[0]


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("pkg/_version.py", "the installation makes it anew"),
        ("pkg/fast/__init__.py", "hides the project's own pkg/fast.py"),
    ],
)
def test_what_the_installation_makes_is_not_a_patchs_to_make(path: str, sentence: str) -> None:
    generated = ("pkg/_version.py", "pkg/fast.py")
    changes = {path: NEW}
    assert path_objections(changes, rules=Rules(), base_paths=BASE) == ()
    (objection,) = path_objections(changes, rules=Rules(), base_paths=BASE, generated=generated)
    assert sentence in objection
