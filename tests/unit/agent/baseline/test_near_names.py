from __future__ import annotations

import pytest

from agent.baseline.near_names import near_names

FILES = {
    "tests/test_dates.py": "class TestLeap:\n    def test_leap_year(self): ...\n",
    "tests/test_money.py": "async def test_split(): ...\ndef helper(): ...\n",
    "tests/test_odd.py": "\udcff",
}


def _text(path: str) -> str:
    if path == "tests/test_odd.py":
        raise ValueError("cannot be decoded")
    return FILES[path]


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("tests/test_date.py", "tests/test_dates.py"),
        ("test_dates.py", "tests/test_dates.py"),
        ("tests/test_money.py::test_spilt", "tests/test_money.py::test_split"),
        ("tests/test_dates.py::TestLeap::test_leap", "tests/test_dates.py::test_leap_year"),
        ("test_split", "tests/test_money.py::test_split"),
        ("tests/gone.py::test_leap_yaer", "tests/test_dates.py::test_leap_year"),
    ],
)
def test_what_was_meant(name: str, first: str) -> None:
    assert near_names([name], FILES, _text)[0] == first


def test_nothing_is_near() -> None:
    assert near_names(["zzz", "qq.py"], FILES, _text) == []
