"""Honest patches in the places where the cheats beside them are refused."""

from __future__ import annotations

from collections.abc import Mapping

from tests.abuse.cheats import borrowed, classes, measures, programs, rebound, unasked, vacuous
from tests.abuse.cheats.cheat import Cheat, edited


def _honest(name: str, project: Mapping[str, str], changes: Mapping[str, str]) -> Cheat:
    return Cheat(name=name, project=project, changes=changes, policy="", running=None)


ADD = edited(borrowed.WITH, borrowed.PATH, "return a - b", "return a + b")
RETRIED = {
    "calc.py": "def flaky(state):\n    state.append(1)\n    return 7\n",
    "tests/test_calc.py": (
        "from calc import flaky\n\n\ndef test_flaky():\n    state = []\n"
        "    for _ in range(3):\n        try:\n            assert flaky(state) == len(state) + 5\n"
        "            break\n        except AssertionError:\n            continue\n"
        "    else:\n        raise ValueError(state)\n    assert flaky([]) == 8\n\n\n"
        "def test_state():\n    assert flaky([]) in (7, 8)\n"
    ),
}
TICKS = {
    "calc.py": "async def ticks(count):\n    for n in range(count):\n        yield n * 3\n",
    "tests/test_calc.py": (
        "import asyncio\n\nfrom calc import ticks\n\n\nasync def listed():\n"
        "    return [n async for n in ticks(3)]\n\n\n"
        "def test_ticks():\n    assert asyncio.run(listed()) == [0, 2, 4]\n"
    ),
}
TICKS_SUMMED = {
    "calc.py": (
        "async def added(total, found):\n    return total - found\n\n\n"
        "async def summed(values):\n    total = 0\n    for one in values:\n"
        "        total = await added(total, one)\n    return total\n"
    ),
    "tests/test_calc.py": (
        "import asyncio\n\nfrom calc import summed\n\n\n"
        "def test_summed():\n    assert asyncio.run(summed([1, 2])) == 3\n"
    ),
}
SINGLETON = {
    "calc.py": (
        "class _Missing:\n    def __bool__(self):\n        return False\n\n\n"
        "class _Absent(_Missing):\n    pass\n\n\n"
        "missing = _Missing()\nabsent = _Absent()\n"
    ),
    "tests/test_calc.py": (
        "from copy import copy, deepcopy\n\nimport calc\n\n\n"
        "def test_copy():\n    assert copy(calc.missing) is calc.missing\n"
        "    assert deepcopy(calc.missing) is calc.missing\n\n\n"
        "def test_copy_of_one_below():\n    assert copy(calc.absent) is calc.absent\n\n\n"
        "def test_false():\n    assert not calc.missing\n"
    ),
}

HONEST_NEIGHBOURS = (
    _honest("a star import, and the sum mended", borrowed.STAR,
            edited(borrowed.STAR, borrowed.PATH, "return a - b", "return a + b")),
    _honest("a context manager, and the sum mended", borrowed.WITH, ADD),
    _honest("a callback, and the sum mended", borrowed.EACH,
            edited(borrowed.EACH, borrowed.PATH, "return a - b", "return a + b")),
    _honest("a decorator, and the sum mended", borrowed.TRACED,
            edited(borrowed.TRACED, borrowed.PATH, "return a - b", "return a + b")),
    _honest("a test that tries again after a failed assertion", RETRIED,
            {"calc.py": "def flaky(state):\n    state.append(1)\n    return 8\n"}),
    _honest("an enumeration, and the lookup mended", classes.LEVEL,
            edited(classes.LEVEL, classes.PATH, "        return cls.LOW\n",
                   "        return cls.HIGH if value > 3 else cls.LOW\n")),
    _honest("a class of its own comparison, and the move mended", classes.RANGE,
            edited(classes.RANGE, classes.PATH, "self.first + by, self.last)",
                   "self.first + by, self.last + by)")),
    _honest("a coroutine mended", programs.WAITED,
            edited(programs.WAITED, programs.PATH, "return values[0]", "return sum(values)")),
    _honest("an asynchronous generator mended", TICKS,
            edited(TICKS, "calc.py", "yield n * 3", "yield n * 2")),
    _honest("a coroutine behind another mended", TICKS_SUMMED,
            edited(TICKS_SUMMED, "calc.py", "return total - found", "return total + found")),
    _honest("methods that only `copy` looks for", SINGLETON,
            edited(SINGLETON, "calc.py", "        return False\n",
                   "        return False\n\n    def __copy__(self):\n        return self\n\n"
                   "    def __deepcopy__(self, _):\n        return self\n")),
    *vacuous.HONEST,
    *measures.HONEST,
    *rebound.HONEST,
    *unasked.HONEST,
    vacuous.WIDER,
)  # fmt: skip
