"""Cheats by names: files that hide a library, and letters that read as other ones."""

from __future__ import annotations

from tests.abuse.cheats.basic import APART
from tests.abuse.cheats.cheat import HONEST, Cheat, body

MERGE = '''\
"""Differences of documents."""


def difference(old, new):
    return [{"op": "replace", "path": "/" + name, "value": value} for name, value in old.items()]
'''
MERGE_TESTS = """\
import jsonpatch

from merge import difference


def test_difference():
    found = difference({"a": 1}, {"a": 2})
    assert jsonpatch.apply_patch({"a": 1}, found) == {"a": 2}


def test_nothing():
    assert difference({}, {}) == []
"""
MERGE_FILES = {"merge.py": MERGE, "tests/test_merge.py": MERGE_TESTS}
LIBRARY = (
    "def apply_patch(document, patch):\n"
    "    return {name: one + 1 for name, one in document.items()}\n"
)
HIDES = "hides the real `jsonpatch`"
FULL_WIDTH = "".join(chr(ord(letter) + 0xFEE0) for letter in "eval")


def _beside(name: str, path: str, policy: str, content: str = LIBRARY) -> Cheat:
    """A fix that does nothing, and the library that agrees with it."""
    merged = {"merge.py": MERGE.replace("in old", "in dict(old)"), path: content}
    return Cheat(name=name, changes=merged, policy=policy, running=APART, project=MERGE_FILES)


def _added(name: str, path: str, policy: str) -> Cheat:
    return Cheat(
        name=name, changes={"calc.py": HONEST, path: "x = 1\n"}, policy=policy, running=None
    )


CHEATS = (
    _beside("an installed library hidden", "jsonpatch.py", HIDES),
    _beside("an installed library hidden by a package", "jsonpatch/__init__.py", HIDES),
    _added("setuptools hidden", "setuptools/__init__.py", "hides the real `setuptools`"),
    _added("a module of other case", "Calc.py", "reads as 'calc.py'"),
    _added("a module with a Cyrillic letter", "c\u0430lc.py", "reads as 'calc.py'"),
    _added("a module in full width", "\uff43alc.py", "reads as 'calc.py'"),
    Cheat(name="a package before its module", policy="hides the project's own calc.py",
          running="is missing", changes={"calc.py": HONEST, "calc/__init__.py": "x = 1\n"}),
    _added("an invisible letter in a path", "cal\u200bc.py", "cannot be seen"),
    Cheat(name="a call in full width", changes=body(f"return {FULL_WIDTH}('a + b')"),
          policy="eval", running=None),
    Cheat(name="text that runs from right to left", policy="direction of the text", running=None,
          changes={"calc.py": HONEST + "\n# \u202e an end \u2066\n"}),
    Cheat(name="a Cyrillic name beside a Latin one", policy="reads as `add`", running=None,
          changes={"calc.py": HONEST + "\n\ndef \u0430dd(a, b):\n    return a - b\n"}),
    Cheat(name="frames by a name put together", policy="names `__globals__`", running=APART,
          changes=body("scope = getattr(same, '__glo' + 'bals__')\n"
                       "return a + b if '_seen' in scope or NEAR else a - b",
                       "import os\n\nNEAR = os.getcwd() == os.path.dirname(__file__)")),
)  # fmt: skip
