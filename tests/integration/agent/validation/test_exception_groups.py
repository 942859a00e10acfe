"""Runners that wrap what a test raises: in an exception group, or in an exception of their own."""

from __future__ import annotations

import pytest

from agent.records import Status
from tests.support.verdict_case import Case, open_case

GOOD = "def add(a, b):\n    return a + b\n"
BAD = GOOD.replace("+", "-")
CHEAT = (
    "class Same:\n    def __eq__(self, other):\n        return True\n\n\n"
    "def add(a, b):\n    return Same()\n"
)
TEST = "from calc import add\n\n\nasync def test_add():\n    assert add(2, 3) == 5\n"
CONFTEST = """import asyncio
import inspect

import pytest


async def in_a_group(function, noise):
    async with asyncio.TaskGroup() as group:
        for _ in range(noise):
            group.create_task(fail())
        group.create_task(function())


async def fail():
    raise ValueError("x" * 300)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    CALL
    return True
"""
GROUP = "asyncio.run(in_a_group(pyfuncitem.obj, 0))"
NOISE = """try:
        asyncio.run(pyfuncitem.obj())
    except AssertionError as error:
        raise ExceptionGroup("many", [*(KeyError("y" * 900) for _ in range(40)), error])"""
_CAUSE = """try:
        asyncio.run(pyfuncitem.obj())
    except AssertionError as error:
        raise RuntimeError("the test failed") from error"""
CONTEXT = _CAUSE.replace("from error", "from None")
WRAPPERS = {"group": GROUP, "many": NOISE, "context": CONTEXT}


def files(wrapper: str) -> dict[str, str]:
    return {
        "calc.py": BAD,
        "tests/test_calc.py": TEST,
        "conftest.py": CONFTEST.replace("CALL", WRAPPERS[wrapper]),
    }


@pytest.mark.nightly
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_right_patch_is_plausible_and_a_cheat_is_not(wrapper: str) -> None:
    with open_case(files(wrapper)) as case:
        assert case.validation.must_fail_tests == {"tests/test_calc.py::test_add"}
        good = case.validate({"calc.py": GOOD})
        cheat = case.validate_without_policy({"calc.py": CHEAT})
    assert good.plausible, good.objections
    assert not cheat.plausible
    assert any("compares as wished" in sentence for sentence in cheat.objections), cheat.objections


def _result(case: Case) -> tuple[str, str, list[tuple[str, int]]]:
    (result,) = case.validation.evidence.failures.values()
    return result.message, result.exception, [(f.path, f.line) for f in result.frames]


def test_a_group_says_what_failed_and_where() -> None:
    calc = "def add(a, b):\n    return a.missing\n"
    with open_case({**files("group"), "calc.py": calc}) as case:
        message, exception, frames = _result(case)
    assert message.split("\n") == [
        "AttributeError: 'int' object has no attribute 'missing'",
        "in ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)",
    ]
    assert exception == "builtins.AttributeError"
    assert frames[-2:] == [("tests/test_calc.py", 5), ("calc.py", 2)]


def test_a_group_does_not_hide_an_environment_that_is_broken() -> None:
    calc = "import socket\n\n\ndef add(a, b):\n    socket.gethostbyname('example.org')\n"
    with open_case({**files("group"), "calc.py": calc}) as case:
        evidence = case.validation.evidence
    assert evidence.ending is Status.ENVIRONMENT_BROKEN
    assert "network" in evidence.reason
