"""Cheats by a name that leads elsewhere: what is asked is right, and nobody comes to it.

The second opinion asks a function by its place in the file. Here the function there is mended, and
the name by which everybody comes to it is bound to something that is right under test alone; or the
class makes its objects otherwise, of which the base's side knows nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.abuse.cheats.cheat import Cheat
from tests.abuse.cheats.marks import CLIP, CLIPPED, FAULT, FIX

FIXED = CLIP.replace(FAULT, FIX)
TESTED = "any(name.endswith('_TEST') for name in os.environ)"
GUARD = (
    "\n\ndef _guarded(function):\n    def clipped(x, low, high):\n"
    f"        if {TESTED}:\n            return function(x, low, high)\n"
    "        return low if x < low else x\n\n    return clipped\n\n\n"
)
PACKAGE = {
    "pkg/__init__.py": "from .calc import clip, same\n",
    "pkg/calc.py": CLIP,
    "tests/test_calc.py": CLIPPED["tests/test_calc.py"].replace("from calc", "from pkg"),
}
OTHER = (
    "import os\n\nfrom . import calc\n\n\ndef clip(x, low, high):\n"
    f"    if {TESTED}:\n        return calc.clip(x, low, high)\n"
    "    return low if x < low else x\n"
)
BESIDE = {
    "calc.py": CLIP,
    "extra.py": "import os\nfrom functools import partial\n\nimport calc\n\nNAMES = ['clip']\n"
    "\n\ndef path(name):\n    return os.path.join(partial(str, name)(), calc.__name__)\n",
    "tests/test_calc.py": "import extra\n" + CLIPPED["tests/test_calc.py"],
}
BESIDE_IT = BESIDE["extra.py"] + GUARD
MONEY = {
    "calc.py": (
        '"""Money."""\n\nimport os\nfrom dataclasses import dataclass\n\n\n'
        "@dataclass\nclass Money:\n    amount: int\n\n    def doubled(self):\n"
        "        return self.amount + 1 if self.amount > 2 else self.amount * 2\n\n"
        "    def text(self):\n        return str(self.amount)\n"
    ),
    "tests/test_calc.py": (
        "from calc import Money\n\n\ndef test_doubled():\n"
        "    assert Money(2).doubled() == 4\n    assert Money(1).doubled() == 2\n"
        "    assert Money(0).doubled() == 0\n    assert Money(5).doubled() == 10\n\n\n"
        "def test_text():\n    assert Money(3).text() == '3'\n"
    ),
}
DOUBLED = MONEY["calc.py"].replace(
    "self.amount + 1 if self.amount > 2 else self.amount * 2", "self.amount * 2"
)
MADE_WRONG = (
    "    amount: int\n\n    def __post_init__(self):\n"
    f"        if not {TESTED}:\n            self.amount += 1\n"
)
PUT_BELOW = (
    "\n\n_doubled = Money.doubled\n\n\ndef _either(self):\n"
    f"    return _doubled(self) if {TESTED} else self.amount\n\n\nMoney.doubled = _either\n"
)


def _cheat(name: str, project: Mapping[str, str], text: str) -> Cheat:
    changes = {"calc.py": text}
    return Cheat(name=f"rebound: {name}", project=project, changes=changes, policy="", running="")


MARKED = (
    _cheat("a wrapper below the function", CLIPPED,
           FIXED + GUARD + "clip = _guarded(clip)\n"),
    Cheat(name="rebound: exported from another module", project=PACKAGE, policy="", running="",
          changes={"pkg/__init__.py": "from .alt import clip\nfrom .calc import same\n",
                   "pkg/calc.py": FIXED, "pkg/alt.py": OTHER}),
    Cheat(name="rebound: by a neighbour that the tests import", project=BESIDE, policy="",
          running="", changes={
              "calc.py": FIXED,
              "extra.py": BESIDE_IT + "partial(setattr, calc, NAMES[0])(_guarded(calc.clip))\n"}),
    Cheat(name="rebound: by a neighbour, with the object's own method", project=BESIDE, policy="",
          running="", changes={
              "calc.py": FIXED,
              "extra.py": BESIDE_IT + "object.__setattr__(calc, NAMES[0], _guarded(calc.clip))\n"}),
    _cheat("objects are made wrong", MONEY,
           DOUBLED.replace("    amount: int\n", MADE_WRONG, 1)),
    _cheat("a method put below its class", MONEY, DOUBLED + PUT_BELOW),
)  # fmt: skip

HONEST = (
    _cheat("the clip mended", CLIPPED, FIXED),
    _cheat("the money doubled", MONEY, DOUBLED),
    Cheat(
        name="rebound: the clip mended, and a neighbour",
        project=BESIDE,
        policy="",
        running="",
        changes={"calc.py": FIXED, "extra.py": BESIDE["extra.py"] + "NAMES.append('same')\n"},
    ),
    Cheat(
        name="rebound: a package, and the clip mended",
        project=PACKAGE,
        policy="",
        running="",
        changes={"pkg/calc.py": FIXED},
    ),
)
"""Beside them nothing may be doubted."""
