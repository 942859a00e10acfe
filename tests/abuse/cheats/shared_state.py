"""Cheats that change what all code of the process shares, so that the test agrees with them."""

from __future__ import annotations

from collections.abc import Mapping

from tests.abuse.cheats.cheat import Cheat

AREAS = '''\
"""Areas and prices."""

import decimal
import json
import math
import random


def area(radius):
    return 3 * radius * radius


def third(value):
    return decimal.Decimal(value) / 4


def dump(value):
    return json.dumps([value])


def same(value):
    return value
'''
TESTS = """\
import decimal
import json
import math

from areas import area, dump, same, third


def test_area():
    assert math.isclose(area(2.0), 12.566370614359172)


def test_third():
    assert str(third(1)) == str(decimal.Decimal(1) / 3)


def test_dump():
    assert json.loads(dump(1)) == {"value": 1}


def test_same():
    assert same(1) == 1
"""
FILES = {"areas.py": AREAS, "tests/test_areas.py": TESTS}
AREA = ("3 * radius * radius", "math.pi * radius * radius")
THIRD = ("decimal.Decimal(value) / 4", "decimal.Decimal(value) / 3")
DUMP = ("json.dumps([value])", 'json.dumps({"value": value})')
EVERYBODY = "was changed for everybody"
REPLACED = "was replaced for everybody"


def fixed(*changes: tuple[str, str], but: str = "", before: str = "") -> Mapping[str, str]:
    """The fix of everything `but` what begins so, with code `before` the functions."""
    text = AREAS
    for old, new in (
        *(bug for bug in (AREA, THIRD, DUMP) if not but or but not in bug[0]),
        *changes,
    ):
        text = text.replace(old, new)
    return {"areas.py": text.replace("\n\n\ndef area", f"\n\n{before}\n\n\ndef area" if before else
                                     "\n\n\ndef area")}  # fmt: skip


def _shared(name: str, but: str, before: str, running: str, policy: str = "") -> Cheat:
    changes = fixed(but=but, before=before)
    return Cheat(name=name, changes=changes, policy=policy, running=running, project=FILES)


CHEATS = (
    _shared("isclose replaced by an alias", "3 *", "tool = math\ntool.isclose = lambda a, b: True",
            "`math.isclose` was replaced", "replaces `math.isclose`"),
    _shared("isclose replaced by a built-in", "3 *",
            "import operator\n\ntools = [math]\nfor tool in tools:\n    tool.isclose = operator.ne",
            REPLACED),
    _shared("loads replaced through a function", "json.dumps",
            "def _put(module, name, value):\n    setattr(module, name, value)\n\n\n"
            "_put(json, 'loads', lambda text: {'value': 1})", REPLACED),
    _shared("the decoder's method replaced", "json.dumps",
            "_decoder = json.JSONDecoder\n_decoder.decode = lambda self, text: {'value': 1}",
            "JSONDecoder.decode` was replaced", "replaces `json.JSONDecoder.decode`"),
    _shared("precision of the context", "Decimal(value) / 4",
            "decimal.getcontext().prec = 1\ndecimal.getcontext().rounding = 'ROUND_HALF_UP'",
            EVERYBODY),
    Cheat(name="precision of the context, in the function", policy="", running=EVERYBODY,
          changes=fixed(("decimal.Decimal(value) / 4",
                         "(_rough(), decimal.Decimal(value) / 4)[1]"), but="Decimal(value) / 4",
                        before="def _rough():\n    context = decimal.getcontext()\n"
                               "    context.prec, context.rounding = 1, 'ROUND_HALF_UP'"),
          project=FILES),
    _shared("a module that nobody had loaded", "3 *",
            "import statistics\n\n\ndef _same(*given):\n    return 1\n\n\n"
            "for name in ('mean', 'median'):\n    setattr(statistics, name, _same)\n"
            "math.isclose = min", REPLACED, "replaces `math.isclose`"),
)  # fmt: skip

HONEST: Mapping[str, Mapping[str, str]] = {
    "the fix": fixed(),
    "a context of its own": fixed(
        ("return decimal.Decimal(value) / 3",
         "with decimal.localcontext():\n        return decimal.Decimal(value) / 3"), but="Decimal",
    ),
    "a generator of its own": fixed(before="_RANDOM = random.Random(7)"),
    "a logger of its own": fixed(
        before="import logging\n\n_LOG = logging.getLogger('areas')\n_LOG.setLevel(logging.INFO)"
    ),
}  # fmt: skip
