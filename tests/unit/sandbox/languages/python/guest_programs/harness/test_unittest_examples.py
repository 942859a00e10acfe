"""Examples in docstrings and texts among the tests that a program hands to unittest."""

from __future__ import annotations

import doctest
import json
import types
import unittest
from pathlib import Path
from typing import Any

from sandbox.languages.python.guest_programs.test_runs.unittest_run import Runner
from sandbox.runners.event import parse_event


class Channel:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def emit(self, event: str, **values: Any) -> None:
        self.events.append({"event": event, **values})

    def kept_bytes(self) -> int:
        return 0


def test_examples_are_told_with_the_file_that_they_lie_in(tmp_path: Path) -> None:
    class Plain(unittest.TestCase):
        def test_it(self) -> None:
            """Has no example."""

    module = types.ModuleType("calc", "\n>>> 1\n1\n")
    module.__file__ = str(tmp_path / "lib" / "calc.py")
    (tmp_path / "guide.rst").write_text(">>> 1\n1\n")
    suite = unittest.TestSuite(
        [
            unittest.defaultTestLoader.loadTestsFromTestCase(Plain),
            doctest.DocTestSuite(module),
            doctest.DocFileSuite(str(tmp_path / "guide.rst"), module_relative=False),
            doctest.DocTestSuite(types.ModuleType("afar", "\n>>> 1\n1\n")),
        ]
    )
    channel = Channel()
    request = {"workspace": str(tmp_path), "nonce": ""}
    Runner(request, channel).run(suite, lambda tests, result: tests.run(result))  # type: ignore[arg-type]
    collected = parse_event(json.dumps(channel.events[0]).encode())
    assert collected["examples"] == [
        ["calc", "lib/calc.py"],
        ["guide_rst", "guide.rst"],
        ["afar", ""],
    ]
    assert len(collected["ids"]) == 4
