"""References to the machine that are no calls."""

from __future__ import annotations

import ast

import pytest

from agent.selection.machine_references import machine_references


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import os\nnext(map(os.fstat, [1]))", ["os.fstat"]),
        ("from os import fstat as see\nsee_all = map(see, [1])", ["os.fstat"]),
        ("import os\nnext(map(getattr(os, 'fstat'), [1]))", ["os.fstat"]),
        ("import time as t\nt.timezone == 0", ["time.timezone"]),
        ("from time import tzname\nprint(tzname)", ["time.tzname"]),
        ("import posix\nb'PWD' in posix.environ", ["posix.environ"]),
        ("from datetime import datetime\nfield(default_factory=datetime.now)",
         ["datetime.datetime.now"]),
        ("import os\nos.fstat(1)\nos.sep\nos.environ\nos.O_RDONLY", []),
        ("from datetime import timezone, datetime\ntimezone.utc\nmap(datetime.fromisoformat, [])",
         []),
        ("import os\nmap(os.fspath, [])", []),
        ("from .time import timezone\ntimezone", []),
    ],
)  # fmt: skip
def test_references_are_found(text: str, names: list[str]) -> None:
    assert list(machine_references(ast.parse(text))) == names
