"""Which tests take in what is printed, logged or warned of."""

from __future__ import annotations

import pytest

from agent.validation.differential.captured_output import listens

HELPERS = """
import contextlib
import pytest

@pytest.fixture
def quiet(caplog):
    return caplog

@pytest.fixture(name="hushed")
def _hushed(quiet):
    return quiet.records

@pytest.fixture
def plain():
    return 1

@contextlib.contextmanager
def silence():
    with warnings.catch_warnings(record=True) as seen:
        yield seen
"""


@pytest.mark.parametrize(
    "text",
    [
        "def test_it(capsys): ...",
        "def test_it(quiet): ...",
        "def test_it(hushed): ...",
        "@pytest.mark.usefixtures('quiet')\ndef test_it(): ...",
        "@pytest.mark.usefixtures('quiet')\nclass Test:\n    def test_it(self): ...",
        "pytestmark = pytest.mark.usefixtures('quiet')\ndef test_it(): ...",
        "def test_it():\n    with silence() as seen: ...",
        "def check():\n    with silence() as seen: ...\ndef test_it():\n    check()",
        "class Test:\n    def setUp(self):\n        self.log = self.enterContext(silence())\n"
        "    def test_it(self): ...",
        "class Base:\n    def setUp(self):\n        self.log = silence()\n"
        "class Test(Base):\n    def test_it(self): ...",
        "@pytest.fixture(autouse=True)\ndef heard(quiet): ...\ndef test_it(): ...",
    ],
)
def test_listening_is_found_wherever_the_test_leads(text: str) -> None:
    assert listens("tests/test_a.py::test_it[1]", [text, HELPERS])


@pytest.mark.parametrize(
    "text",
    [
        "def test_it(plain): ...",
        "def test_other(quiet): ...\ndef test_it(plain): ...",
        "class Other:\n    def setUp(self):\n        silence()\n    def test_a(self): ...\n"
        "class Test:\n    def test_it(self): ...",
    ],
)
def test_what_others_listen_for_does_not_count(text: str) -> None:
    assert not listens("tests/test_a.py::test_it", [text, HELPERS])
