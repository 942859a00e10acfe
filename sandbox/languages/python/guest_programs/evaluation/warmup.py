"""Runs pytest once on tests of our own, so that what it imports late and what the interpreter
specialises is there before the first fork: a child pays for every page it writes.

Python 3.8+ with pytest.
"""

from __future__ import annotations

import os
import sys
from typing import Any

WARMUP_TESTS_SOURCE = """
import unittest
import pytest

@pytest.mark.parametrize("number", range(8))
def test_fails(number):
    assert [number] == [-1]

@pytest.mark.parametrize("number", range(8))
def test_passes(number, tmp_path, monkeypatch):
    assert number >= 0

def test_raises():
    with pytest.raises(ValueError, match="x"):
        raise ValueError("x")
    raise KeyError("missing")

class TestCase(unittest.TestCase):
    def test_equal(self):
        self.assertEqual(1, 2)

    def test_fine(self):
        self.assertTrue(True)
"""


def warm_up(pytest: Any, scratch: str, plugins: Any) -> None:
    """Run pytest once on small tests of our own, so that its modules are loaded.

    Leaves nothing behind: no plugin, no module, no path.
    """
    folder = os.path.join(scratch, "warmup")
    os.mkdir(folder)
    name = "test_repair_warmup"
    with open(os.path.join(folder, name + ".py"), "w") as file:
        file.write(WARMUP_TESTS_SOURCE)
    path, modules = list(sys.path), set(sys.modules)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    line = [
        "-c",
        os.devnull,
        "--rootdir",
        folder,
        "-p",
        "no:cacheprovider",
        "-p",
        "no:faulthandler",
    ]
    line += ["-s", "-q", "--tb=native", "--basetemp", os.path.join(folder, "tmp"), folder]
    try:
        pytest.main(line, plugins=plugins)
    finally:
        del os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"]
        sys.path[:] = path
        for module in set(sys.modules) - modules:
            if module == name:
                del sys.modules[module]
