"""Files of a project that are hard to read neither end a verdict nor refuse a right patch."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.support.verdict_case import open_case

BAD = "def clip(x, high):\n    return x\n"
GOOD = "def clip(x, high):\n    return min(x, high)\n"
TEST = "from calc import clip\n\n\ndef test_clip():\n    assert clip(9, 5) == 5\n"
PROJECT = {"calc.py": BAD, "tests/test_calc.py": TEST}
DEEP = " + ".join(f"'{number}'" for number in range(500))
LONG = "0x" + "f" * 4_000


@pytest.mark.parametrize(
    ("files", "links"),
    [
        ({}, {"old.py": "calc.py", "tests/test_old.py": "test_calc.py", "gone.py": "nowhere.py"}),
        ({"latin.py": b"# coding: ascii\nNAME = 'caf\xe9'\n"}, {}),
        ({"secret.py": "# coding: rot13\nAnzr = 1\n"}, {}),
        ({"tests/test_calc.py": f"{TEST}\n\ndef setup_module():\n    {DEEP}\n"}, {}),
        ({"tests/test_calc.py": f"LONG = {LONG}\n{TEST}\n\ndef setup_module():\n    {LONG}\n"}, {}),
        ({"deep.py": f"TEXT = {DEEP}\n"}, {}),
    ],
    ids=["links", "other bytes", "no encoding of text", "deep test", "long number", "deep source"],
)
def test_a_right_patch_is_judged(
    files: Mapping[str, str | bytes], links: Mapping[str, str]
) -> None:
    with open_case({**PROJECT, **files}, links=links) as case:
        verdict = case.validate({"calc.py": GOOD})
        assert verdict.objections == ()
        assert verdict.plausible
        assert not case.validate({"calc.py": GOOD.replace("min(x, high)", "x - 1")}).plausible
