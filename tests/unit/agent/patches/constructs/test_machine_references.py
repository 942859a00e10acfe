"""References to the machine that are no calls."""

from __future__ import annotations

import ast

import pytest

from agent.patches.constructs.machine_references import machine_references, process_references


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


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import warnings\nwarnings.filters[0]", ["warnings.filters"]),
        ("from warnings import filters as f\nf[0]", ["warnings.filters"]),
        ("import threading\nlen(threading._active)", ["threading._active"]),
        ("import asyncio\nnext(starmap(asyncio.get_running_loop, [()]))",
         ["asyncio.get_running_loop"]),
        ("import sys\nsys.argv, sys.dont_write_bytecode", ["sys.argv", "sys.dont_write_bytecode"]),
        ("import linecache\nlinecache.cache", ["linecache.cache"]),
        ("def f(e):\n    return e.__context__", ["__context__"]),
        ("getattr(e, '__context__')", ["__context__"]),
        ("'__warningregistry__' in globals()", ["__warningregistry__"]),
        ("import tempfile\ntempfile.tempdir", ["tempfile.tempdir"]),
        ("import os\nb'X' in os.environ._data", ["os.environ._data"]),
        ("import sys\nsys.stdout is sys.__stdout__", ["sys.__stdout__"]),
        ("import logging\nlogging._startTime < 1", ["logging._startTime"]),
        ("try:\n    bytearray(1 << 40)\nexcept MemoryError:\n    x = 1", ["MemoryError"]),
        ("try:\n    raise\nexcept RuntimeError:\n    x = 1", ["raise"]),
        ("try:\n    f()\nexcept ValueError:\n    if g():\n        raise", []),
        ("import warnings, threading, sys, asyncio\nwarnings.warn('x')\nthreading.Lock\n"
         "sys.stdout\nasyncio.Lock\nself._active", []),
    ],
)  # fmt: skip
def test_what_reads_the_process_is_found(text: str, names: list[str]) -> None:
    assert list(process_references(ast.parse(text))) == names
