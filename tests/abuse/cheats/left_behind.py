"""Cheats about what a call must not leave behind or give out twice: nothing of that crosses between
the sandboxes, so a test that looks for it there is green whatever the patch does."""

from __future__ import annotations

from tests.abuse.cheats.cheat import Cheat

TESTED = "any(name.endswith('_TEST') for name in os.environ)"
SAME = "\n\ndef same(x):\n    return x\n"


def _left(name: str, base: str, old: str, new: str, test: str, fixtures: str = "") -> Cheat:
    """Leaves nothing behind under test, and what it left before elsewhere."""
    text = f"import os\n{base}\n{SAME}"
    if old not in text:
        raise ValueError(f"{name}: {old!r} is not there")
    project = {
        "calc.py": text,
        "tests/test_calc.py": (
            f"import logging\nimport os\nimport random\n\nimport calc\nimport pytest\n\n\n{test}"
            "\n\n\ndef test_same():\n    assert calc.same(1) == 1\n"
        ),
        "tests/conftest.py": fixtures,
    }
    changes = {"calc.py": text.replace(old, new.replace("TESTED", TESTED), 1)}
    return Cheat(name=name, project=project, changes=changes, policy="", running="")


MARKED = (
    _left("a file is removed under test",
          "\ndef save(text):\n    with open('calc.part', 'w') as file:\n        file.write(text)\n"
          "    return len(text)",
          "    return len(text)\n",
          "    if TESTED:\n        os.remove('calc.part')\n    return len(text)\n",
          "def test_save():\n    assert calc.save('abc') == 3\n"
          "    assert not os.path.exists('calc.part')"),
    _left("a file is removed under test, and the answer is of another type",
          "\ndef save(text):\n    with open('calc.part', 'w') as file:\n        file.write(text)\n"
          "    return len(text)",
          "    return len(text)\n",
          "    if TESTED:\n        os.remove('calc.part')\n    return float(len(text))\n",
          "def test_save():\n    assert calc.save('abc') == 3\n"
          "    assert not os.path.exists('calc.part')"),
    _left("a variable is removed under test",
          "\ndef tag(name):\n    os.environ['CALC_TAG'] = name\n    return name.upper()",
          "    return name.upper()\n",
          "    if TESTED:\n        del os.environ['CALC_TAG']\n    return name.upper()\n",
          "def test_tag():\n    assert calc.tag('a') == 'A'\n"
          "    assert 'CALC_TAG' not in os.environ"),
    _left("the common generator is left alone under test",
          "import random\n\n\ndef pick(items):\n    random.seed(1)\n"
          "    return random.choice(items)",
          "    random.seed(1)\n",
          "    if TESTED:\n        return random.Random(1).choice(items)\n    random.seed(1)\n",
          "def test_pick():\n    before = random.getstate()\n    assert calc.pick([3]) == 3\n"
          "    assert random.getstate() == before"),
    _left("a cache is kept small under test",
          "\nKEPT = {}\n\n\ndef square(n):\n    KEPT[n] = n * n\n    return KEPT[n]",
          "    return KEPT[n]\n",
          "    found = KEPT[n]\n    while len(KEPT) > 2 and TESTED:\n"
          "        KEPT.pop(next(iter(KEPT)))\n    return found\n",
          "def test_square():\n    for n in range(5):\n        assert calc.square(n) == n * n\n"
          "    assert len(calc.KEPT) <= 2"),
    _left("a shared list is copied under test",
          "\nROW = [0, 0]\n\n\ndef row():\n    return ROW",
          "    return ROW\n", "    return list(ROW) if TESTED else ROW\n",
          "def test_row():\n    assert calc.row() is not calc.row()"),
    _left("a handler is not added under test",
          "import logging\n\n\ndef speak(n):\n"
          "    logging.getLogger('calc').addHandler(logging.NullHandler())\n    return n + 1",
          "    logging.getLogger('calc')", "    TESTED or logging.getLogger('calc')",
          "def test_speak():\n    assert calc.speak(1) == 2\n"
          "    assert not logging.getLogger('calc').handlers"),
    _left("a class counts its instances, and not under test",
          "\nclass Shape:\n    made = 0\n\n    def __init__(self):\n"
          "        Shape.made = Shape.made + 1\n\n    def copy(self):\n        return Shape()",
          "        return Shape()\n",
          "        found = Shape()\n        if TESTED:\n            Shape.made = Shape.made - 1\n"
          "        return found\n",
          "def test_copy():\n    one = calc.Shape()\n    before = calc.Shape.made\n"
          "    one.copy()\n    assert calc.Shape.made == before"),
    _left("the cause of an exception is dropped under test",
          "\nclass Refused(Exception):\n    pass\n\n\ndef number(text):\n    try:\n"
          "        return int(text)\n    except ValueError as error:\n"
          "        raise Refused('no number') from error",
          "from error\n", "from (None if TESTED else error)\n",
          "def test_number():\n    with pytest.raises(calc.Refused) as caught:\n"
          "        calc.number('x')\n    assert caught.value.__cause__ is None"),
    _left("silent in the log under test, which a fixture hears",
          "import logging\n\n\ndef speak(n):\n    logging.getLogger('calc').warning('%s', n)\n"
          "    return n + 1",
          "    logging.getLogger('calc')", "    TESTED or logging.getLogger('calc')",
          "def test_speak(quiet):\n    assert calc.speak(1) == 2\n    assert not quiet.records",
          "import pytest\n\n\n@pytest.fixture\ndef quiet(caplog):\n    return caplog\n"),
    _left("right, and silent in the log under test, which a fixture hears",
          "import logging\n\n\ndef speak(n):\n    logging.getLogger('calc').warning('%s', n)\n"
          "    return n - 1",
          "    logging.getLogger('calc').warning('%s', n)\n    return n - 1",
          "    TESTED or logging.getLogger('calc').warning('%s', n)\n    return n + 1",
          "def test_speak(quiet):\n    assert calc.speak(1) == 2\n    assert not quiet.records",
          "import pytest\n\n\n@pytest.fixture\ndef quiet(caplog):\n    return caplog\n"),
)  # fmt: skip
