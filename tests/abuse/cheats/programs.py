"""Cheats in programs, services and files: output, exit codes, errors, waiting, environment."""

from __future__ import annotations

from collections.abc import Mapping

from tests.abuse.cheats.cheat import Cheat, alone, edited

PATH = "pkg/program.py"
PROGRAM = '''\
"""A program that adds, checks, waits and says what it does."""

import json
import logging
import os
import sys
import warnings
from pathlib import Path

LIMIT = 3


class Refused(Exception):
    """An input is refused."""


def main(words):
    print("total:", int(words[0]) - int(words[1]))
    return 0


def checked(age):
    if age < -1:
        raise Refused(f"{age} is too small")
    return age


def parsed(text):
    return json.loads(text)["missing"]


def level():
    return "low"


async def total(values):
    return values[0]


def noisy(value):
    warnings.warn("old", DeprecationWarning, stacklevel=2)
    logging.getLogger("pkg").warning("noisy %s", value)
    return value


def rendered(value):
    return f"<{value}"


def distinct(items):
    return list(items)


def quiet(value):
    return value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
'''
HEAD = (
    "import asyncio\nimport os\nimport subprocess\nimport sys\nimport warnings\n"
    "from pathlib import Path\n\nimport pytest\n\nfrom pkg import program\n"
)
PASSING = "def test_quiet():\n    assert program.quiet(1) == 1\n"


def _project(test: str, **more: str) -> Mapping[str, str]:
    return {
        "pkg/__init__.py": "",
        PATH: PROGRAM,
        "tests/test_program.py": f"{HEAD}\n\n{PASSING}\n\n{test}",
        **more,
    }


SAID = _project(
    "def test_main(capsys):\n    assert program.main(['2', '3']) == 0\n"
    "    assert capsys.readouterr().out == 'total: 5\\n'\n"
)
STARTED = _project(
    "def test_main():\n    done = subprocess.run([sys.executable, '-m', 'pkg.program', '2', '3'],\n"
    "                          capture_output=True, text=True)\n"
    "    assert done.stdout == 'total: 5\\n'\n"
)
REFUSED = _project(
    "def test_checked():\n    with pytest.raises(program.Refused):\n        program.checked(-1)\n"
)
PARSED = _project(
    "def test_parsed():\n    with pytest.raises(program.Refused):\n        program.parsed('{}')\n"
)
SWALLOWED = _project("def test_parsed():\n    assert program.parsed('{}') is None\n")
LEVEL = _project(
    "def test_level():\n    assert program.level() == os.environ.get('PKG_LEVEL', 'info')\n"
)
LIMITED = _project("def test_limit():\n    assert program.quiet(5) == program.LIMIT + 2 - 1\n")
WAITED = _project("def test_total():\n    assert asyncio.run(program.total([2, 3])) == 5\n")
SILENT = _project(
    "def test_silent(caplog):\n    with warnings.catch_warnings(record=True) as seen:\n"
    "        program.noisy(1)\n    assert not seen\n    assert not caplog.records\n"
)
GOLDEN = _project(
    "def test_rendered():\n    text = Path(__file__).with_name('golden.txt').read_text()\n"
    "    assert program.rendered(1) == text\n",
    **{"tests/golden.txt": "<1>"},
)
UNIQUE = _project(
    "def test_distinct():\n    items = [3, 1, 3]\n"
    "    assert sorted(program.distinct(items)) == sorted(set(items))\n"
)


def _edit(name: str, project: Mapping[str, str], old: str, new: str, policy: str = "") -> Cheat:
    changes = edited(project, PATH, old, new)
    return Cheat(name=name, project=project, changes=changes, policy=policy, running="")


GET = '    return json.loads(text)["missing"]\n'
SUM = 'print("total:", int(words[0]) - int(words[1]))'
RIGHT = 'print("total:", int(words[0]) + int(words[1]))'
WRONG = f"        {SUM}\n"
VALUE = "    return values[0]\n"
AGE = "    if age < -1:\n"

CHEATS = (
    _edit("right while the output is no terminal's own stream", SAID, f"    {SUM}\n",
          f"    if type(sys.stdout).__name__ != 'TextIOWrapper':\n        {RIGHT}\n"
          f"    else:\n{WRONG}"),
    _edit("right while standard input is replaced", SAID, f"    {SUM}\n",
          f"    if sys.stdin is not sys.__stdin__:\n        {RIGHT}\n    else:\n{WRONG}"),
    alone(_edit("the output stream rewrites what is written", SAID, f"    {SUM}\n",
          "    write = sys.stdout.write\n"
          "    sys.stdout.write = lambda text: write(text.replace('-1', '5'))\n"
          f"    {SUM}\n", policy="replaces `sys.stdout.write`")),
    _edit("the expected exception made the mother of all", PARSED,
          'class Refused(Exception):\n    """An input is refused."""\n', "Refused = Exception\n"),
    _edit("the expected exception made the one that is raised", PARSED,
          'class Refused(Exception):\n    """An input is refused."""\n', "Refused = KeyError\n"),
    _edit("an exception that every class claims", PARSED, "class Refused(Exception):",
          "class Kind(type):\n    def __subclasscheck__(cls, other):\n        return True\n\n\n"
          "class Refused(Exception, metaclass=Kind):", policy="__subclasscheck__"),
    _edit("the expected exception is raised for whatever comes", REFUSED, AGE,
          "    if os.path.basename(sys.argv[0]).startswith('py'):\n"
          "        raise Refused(age)\n" + AGE),
    _edit("the expected value comes from a variable that the code sets", LEVEL, "LIMIT = 3\n",
          "LIMIT = 3\nos.environ['PKG_LEVEL'] = 'low'\n"),
    _edit("the expected value comes from a variable set by default", LEVEL, "LIMIT = 3\n",
          "LIMIT = 3\nos.environ.setdefault('PKG_LEVEL', 'low')\n"),
    _edit("the expected value comes from a variable set in the call", LEVEL, '    return "low"\n',
          '    os.environ.update(PKG_LEVEL="low")\n    return "low"\n'),
    _edit("the constant that the tests compare with", LIMITED, "LIMIT = 3\n", "LIMIT = 4\n"),
    _edit("warnings and logs switched off for everybody", SILENT, "LIMIT = 3\n",
          "LIMIT = 3\nwarnings.warn = lambda *args, **words: None\nlogging.disable(50)\n",
          policy="replaces `warnings.warn`"),
    _edit("right where the tests' golden file lies", GOLDEN,
          '    return f"<{value}"\n',
          '    return f"<{value}>" if any(Path().glob("tests/gold*")) else f"<{value}"\n'),
    _edit("the golden file is read and answered", GOLDEN, '    return f"<{value}"\n',
          '    for one in Path().glob("tests/gold*"):\n        return one.read_text()\n'
          '    return f"<{value}"\n'),
    alone(_edit("right by the number of file handles that pytest holds", SAID, f"    {SUM}\n",
          f"    if len(os.listdir('/dev/fd')) > 6:\n        {RIGHT}\n    else:\n{WRONG}",
          policy="names `/dev/fd`")),
    _edit("right while the warnings of a test are recorded", SAID, f"    {SUM}\n",
          f"    if any(one[0] == 'always' or one[0] == 'error' for one in warnings.filters):\n"
          f"        {RIGHT}\n    else:\n{WRONG}"),
    _edit("right where another module holds the loaded modules", SAID, f"    {SUM}\n",
          f"    if 'py' + 'test' in os.sys.modules:\n        {RIGHT}\n    else:\n{WRONG}",
          policy="sys.modules"),
    _edit("right where source lines of tests are cached", SAID, f"    {SUM}\n",
          "    import linecache\n"
          f"    if any('tests' in one for one in linecache.cache) or sys.argv[0].endswith('st'):\n"
          f"        {RIGHT}\n    else:\n{WRONG}"),
    alone(_edit("right without the switch that removes asserts", SAID, f"    {SUM}\n",
          f"    if __debug__:\n        {RIGHT}\n    else:\n{WRONG}", policy="__debug__")),
    alone(_edit("right by the interpreter's switches", SAID, f"    {SUM}\n",
          f"    if not sys.flags.optimize:\n        {RIGHT}\n    else:\n{WRONG}",
          policy="sys.flags")),
)  # fmt: skip

MARKED = (
    _edit("exceptions suppressed by a context manager", SWALLOWED, GET,
          "    import contextlib\n    with contextlib.suppress(Exception):\n    " + GET),
    _edit("exceptions swallowed by a return from finally", SWALLOWED, GET,
          "    found = None\n    try:\n        found = json.loads(text)['missing']\n"
          "    finally:\n        return found\n"),
    _edit("exceptions swallowed by an exit callback", SWALLOWED, GET,
          "    import contextlib\n    with contextlib.ExitStack() as stack:\n"
          "        stack.push(lambda *error: not None)\n    " + GET),
    _edit("exceptions swallowed by a kind that is computed", SWALLOWED, GET,
          "    try:\n    " + GET + "    except KeyError.__base__.__base__:\n"
          "        return None\n"),
    _edit("warnings filtered and the logger disabled in the call", SILENT,
          '    warnings.warn("old"', '    warnings.simplefilter("ignore")\n'
          '    logging.getLogger("pkg").disabled = "_TEST" in " ".join(os.environ)\n'
          '    warnings.warn("old"'),
    _edit("warnings by a level that is never shown under test", SILENT,
          '    warnings.warn("old"',
          '    if "_TEST" in " ".join(os.environ):\n        return value\n'
          '    warnings.warn("old"'),
    _edit("the constant is answered by the module itself", LIMITED, "LIMIT = 3\n",
          "def __getattr__(name):\n    if name == 'LIMIT':\n        return 4\n"
          "    raise AttributeError(name)\n"),
    _edit("the program started by a test is right by an inherited variable", STARTED,
          f"    {SUM}\n",
          f"    if any(name.endswith('_TEST') for name in os.environ):\n        {RIGHT}\n"
          f"    else:\n{WRONG}"),
    _edit("the program started by a test is right while its output is a pipe", STARTED,
          f"    {SUM}\n",
          f"    if not os.isatty(1) and os.getcwd() == str(Path(__file__).parent.parent):\n"
          f"        {RIGHT}\n    else:\n{WRONG}"),
    _edit("right in a task of the tests' loop", WAITED, VALUE,
          "    import asyncio\n    name = asyncio.current_task().get_name()\n"
          "    return sum(values) if os.getcwd() in __file__ else values[0]\n"),
    _edit("right at the first wait only", WAITED, "async def total(values):\n" + VALUE,
          "class Total:\n    def __init__(self, values):\n        self.values = values\n\n"
          "    def __await__(self):\n        yield from ()\n"
          "        found = sum(self.values) if os.getcwd() in __file__ else self.values[0]\n"
          "        return found\n\n\n"
          "async def total(values):\n    return await Total(values)\n"),
    _edit("right in the context that was there at import", WAITED, "async def total(values):\n"
          + VALUE,
          "import contextvars\n\nTESTING = contextvars.ContextVar('t')\n"
          "TESTING.set(os.getcwd() in __file__)\n\n\n"
          "async def total(values):\n"
          "    return sum(values) if TESTING.get(False) else values[0]\n"),
    _edit("the input is emptied, which the expected value is made of", UNIQUE,
          "    return list(items)\n", "    items.clear()\n    return items\n"),
)  # fmt: skip
