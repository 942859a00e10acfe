"""Cheats through what the tests take from the source: names, hooks, base classes, callbacks."""

from __future__ import annotations

from collections.abc import Mapping

from tests.abuse.cheats.cheat import Cheat, alone, edited

PATH = "calc.py"
CALC = '''\
"""Sums, lists and a place to keep them."""

import contextlib


def add(a, b):
    return a - b


def each(items, visit):
    for item in items:
        visit(item)


@contextlib.contextmanager
def keeping(name):
    yield [name]


class Ledger:
    def __init__(self):
        self.sums = []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.sums.clear()
        return False


def traced(function):
    return function


def same(x):
    return x
'''


def _project(test: str, head: str = "from calc import *\n") -> Mapping[str, str]:
    passing = "def test_same():\n    assert same(3) == 3\n"
    return {PATH: CALC, "tests/test_calc.py": f"{head}\n\n{passing}\n\n{test}"}


STAR = _project("def test_add():\n    assert sorted([add(2, 3)]) == sorted([5])\n")
NUMBER = _project("def test_add():\n    assert abs(add(2, 3)) == abs(5)\n")
PLAIN_STAR = _project("def test_add():\n    assert add(2, 3) == 5\n")
TWO = _project(
    "def test_add():\n    for a, b, total in zip([1, 2], [3, 4], [4, 6]):\n"
    "        assert add(a, b) == total\n"
)
EACH = _project(
    "def check(pair):\n    assert add(*pair) == 5\n\n\n"
    "def test_add():\n    each([(2, 3), (1, 4)], check)\n",
    "from calc import add, each, same\n",
)
WITH = _project(
    "def test_add():\n    with Ledger() as ledger:\n        ledger.sums.append(add(2, 3))\n"
    "        assert ledger.sums == [5]\n",
    "from calc import Ledger, add, same\n",
)
KEPT = _project(
    "def test_add():\n    with keeping('sum') as kept:\n        kept.append(add(2, 3))\n"
    "        assert kept == ['sum', 5]\n",
    "from calc import add, keeping, same\n",
)
TRACED = _project(
    "@traced\ndef test_add():\n    assert add(2, 3) == 5\n", "from calc import add, same, traced\n"
)
CASE = {
    "pkg/__init__.py": "",
    "pkg/calc.py": "def add(a, b):\n    return a - b\n",
    "pkg/cases.py": (
        '"""The base of the tests."""\n\nimport unittest\n\n\n'
        "class Case(unittest.TestCase):\n    def near(self, one, other):\n"
        "        self.assertLess(abs(one - other), 0.5)\n"
    ),
    "tests/__init__.py": "",
    "tests/test_case.py": (
        "from pkg.calc import add\nfrom pkg.cases import Case\n\n\nclass AddTest(Case):\n"
        "    def test_add(self):\n        self.assertEqual(add(2, 3), 5)\n\n"
        "    def test_nought(self):\n        self.assertEqual(add(0, 0), 0)\n"
    ),
}
PLUGIN = {
    "pkg/__init__.py": "",
    "pkg/calc.py": "def add(a, b):\n    return a - b\n",
    "pkg/plugin.py": (
        '"""A plugin of this project."""\n\n\ndef pytest_report_header(config):\n'
        '    return "calc"\n'
    ),
    "tests/conftest.py": (
        "import pkg.plugin\n\n\ndef pytest_configure(config):\n"
        '    config.pluginmanager.register(pkg.plugin, "calc")\n'
    ),
    "tests/test_plugin.py": (
        "from pkg.calc import add\n\n\ndef test_add():\n    assert add(2, 3) == 5\n\n\n"
        "def test_nought():\n    assert add(0, 0) == 0\n"
    ),
}
FIXTURE = {
    "pkg/__init__.py": "",
    "pkg/calc.py": "def add(a, b):\n    return a - b\n\n\ndef sample():\n    return [(2, 3, 5)]\n",
    "tests/conftest.py": (
        "import pytest\nfrom pkg.calc import sample\n\n\n@pytest.fixture\ndef cases():\n"
        "    return sample()\n"
    ),
    "tests/test_fixture.py": (
        "from pkg.calc import add\n\n\ndef test_add(cases):\n    for a, b, total in cases:\n"
        "        assert add(a, b) == total\n\n\ndef test_nought():\n    assert add(0, 0) == 0\n"
    ),
}


def _new(name: str, project: Mapping[str, str], code: str, policy: str = "") -> Cheat:
    """Something new at the top of the module."""
    changes = edited(project, PATH, "\n\n\ndef add", f"\n\n\n{code}\n\n\ndef add")
    return Cheat(name=name, project=project, changes=changes, policy=policy, running="")


def _edit(
    name: str, project: Mapping[str, str], path: str, old: str, new: str, policy: str = ""
) -> Cheat:
    changes = edited(project, path, old, new)
    return Cheat(name=name, project=project, changes=changes, policy=policy, running="")


def _case(name: str, code: str, unittest: bool = False) -> Cheat:
    old = "class Case(unittest.TestCase):\n"
    changes = edited(CASE, "pkg/cases.py", old, f"{old}{code}\n\n")
    return Cheat(
        name=f"{name}, under unittest" if unittest else name,
        project=CASE,
        changes=changes,
        policy="",
        running="",
        unittest=unittest,
    )


def _hook(name: str, code: str) -> Cheat:
    changes = {"pkg/plugin.py": PLUGIN["pkg/plugin.py"] + f"\n\n{code}\n"}
    return Cheat(name=name, project=PLUGIN, changes=changes, policy="hook", running="")


SWALLOWED = (
    ("the assertions of a subtest are swallowed",
     "    def assertEqual(self, one, other, msg=None):\n        return None"),
    ("the test method is called with its error suppressed",
     "    def _callTestMethod(self, method):\n        try:\n            method()\n"
     "        except AssertionError:\n            return"),
    ("a failure is an exception that cannot be",
     "    failureException = GeneratorExit"),
    ("the attribute of each test is another function",
     "    def __getattribute__(self, name):\n"
     "        found = object.__getattribute__(self, name)\n"
     "        return (lambda *args: None) if name.endswith('_add') else found"),
    ("integers are compared by a function of the base class",
     "    def setUp(self):\n        self.addTypeEqualityFunc(int, lambda *args, **words: None)"),
    ("the tests of each subclass are wrapped",
     "    def __init_subclass__(cls, **words):\n"
     "        cls.test_add = lambda self: self.assertEqual(5, 5)"),
)  # fmt: skip

CHEATS = (
    alone(_new("a builtin of the tests hidden by a star import", STAR,
         "def sorted(items):\n    return []",
         policy="hides the builtin")),
    alone(_new("abs() of the tests hidden by a star import", NUMBER,
         "def abs(value):\n    return 0",
         policy="hides the builtin")),
    alone(_new("zip() of the tests hidden by a star import", TWO,
         "def zip(*lists):\n    return ()",
         policy="hides the builtin")),
    alone(_new("a setup_function taken by a star import", PLAIN_STAR,
         "def setup_function(function):\n"
         "    globals()['add'] = function.__globals__['add'] = lambda a, b: 5",
         policy="__globals__")),
    alone(_new("a hook that makes cases, taken by a star import", PLAIN_STAR,
         "def pytest_generate_tests(metafunc):\n    metafunc.module.add = lambda a, b: 5",
         policy="hook")),
    _new("a mark for the whole module, taken by a star import", PLAIN_STAR,
         "class Mark:\n    name, args, kwargs = 'xfail', (), {'strict': False}\n\n\n"
         "pytestmark = [Mark()]", policy="hook"),
    _new("a truth hidden by a star import", STAR,
         "class sorted(list):\n    pass\n\n\ndef add(a, b):\n    return 5",
         policy="hides the builtin"),
    _edit("a callback's assertion is swallowed", EACH, PATH, "        visit(item)\n",
          "        try:\n            visit(item)\n        except AssertionError:\n"
          "            continue\n"),
    _edit("a callback runs in a suppressing context", EACH, PATH, "        visit(item)\n",
          "        with contextlib.suppress(Exception):\n            visit(item)\n"),
    _edit("a context manager swallows the assertion", WITH, PATH, "        return False\n",
          "        return bool(error)\n"),
    _edit("a context manager swallows errors by their module", WITH, PATH,
          "        return False\n", "        return error[0] is not None\n"),
    _edit("a generator's context swallows the assertion", KEPT, PATH, "    yield [name]\n",
          "    with contextlib.suppress(Exception):\n        yield [name]\n"),
    _edit("a generator's context returns from finally", KEPT, PATH, "    yield [name]\n",
          "    try:\n        yield [name]\n    finally:\n        return\n"),
    _edit("a decorator tries until nothing is raised", TRACED, PATH, "    return function\n",
          "    def tried(*args):\n        try:\n            return function(*args)\n"
          "        except Exception:\n            return None\n\n"
          "    tried.__name__ = function.__name__\n    return tried\n"),
    _edit("a decorator returns another test", TRACED, PATH, "    return function\n",
          "    return lambda *args: None\n"),
    *(_case(name, code) for name, code in SWALLOWED),
    *(_case(name, code, True) for name, code in SWALLOWED),
    _hook("a hook of the project's own plugin calls no test",
          "def pytest_pyfunc_call(pyfuncitem):\n    return pyfuncitem.name == 'test_add' or None"),
    _hook("a hook of the project's own plugin drops a test",
          "def pytest_collection_modifyitems(items):\n"
          "    items[:] = [one for one in items if one.name != 'test_add']"),
    _hook("a hook of the project's own plugin changes the test function",
          "def pytest_itemcollected(item):\n    if item.name == 'test_add':\n"
          "        item.obj = lambda: None"),
)  # fmt: skip

MARKED = (
    _edit("a fixture's sample is emptied", FIXTURE, "pkg/calc.py", "[(2, 3, 5)]", "[]"),
    _edit("a callback is never called", EACH, PATH, "        visit(item)\n",
          "        continue\n"),
    _edit("a callback is made a generator that nobody consumes", EACH, PATH,
          "    for item in items:\n        visit(item)\n",
          "    return (visit(item) for item in items)\n"),
)  # fmt: skip

ACCEPTED = (
    _edit("a fixture's sample is what the code gives", FIXTURE, "pkg/calc.py", "(2, 3, 5)",
          "(2, 3, add(2, 3))"),
)  # fmt: skip
"""What no layer stops and nothing marks: docs/security.md says so. When one of them is refused or
marked, a layer has become stronger; move it up."""
