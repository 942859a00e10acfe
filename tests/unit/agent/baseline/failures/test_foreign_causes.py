"""Signs in a failure that the machine or the clock is at fault."""

from __future__ import annotations

import pytest

from agent.baseline.failures.foreign_causes import foreign_cause
from sandbox.runners.base import Outcome, TestResult

MISSING = "[Errno 2] No such file or directory: 'vendor/spec/cases.json'"


def failed(message: str, exception: str = "builtins.AssertionError", details: str = "") -> str:
    return foreign_cause(
        TestResult(
            test_id="t.py::test_it",
            outcome=Outcome.FAILED,
            message=message,
            exception=exception,
            details=details,
        )
    )


@pytest.mark.parametrize(
    ("message", "exception", "details", "cause"),
    [
        ("Error: unsupported locale setting", "locale.Error", "", "locale"),
        ("assert '1,000' == '1000'", "builtins.AssertionError", "LC_ALL=de_DE.UTF-8", "locale"),
        ("Test took 412.00ms", "hypothesis.errors.DeadlineExceeded", "", "clock"),
        ("assert 0.7 < 0.5", "builtins.AssertionError", ">   assert elapsed < 0.5", "clock"),
        ("assert 1 < 0", "builtins.AssertionError", "assert time.time() - began < 0", "clock"),
        (f"FileNotFoundError: {MISSING}", "builtins.FileNotFoundError", "", "file"),
        ("DID NOT RAISE <class 'PermissionError'>", "Failed", "", "user"),
        ("No time zone found with key Mars", "zoneinfo.ZoneInfoNotFoundError", "", "zones"),
    ],
)
def test_a_sign_names_its_cause(message: str, exception: str, details: str, cause: str) -> None:
    assert cause in failed(message, exception, details)


@pytest.mark.parametrize(
    "message",
    [
        "assert 3 == 4",
        "KeyError: 'LANGUAGE'",
        "assert [1, 2] == [2, 1]",
        "TypeError: took 2 positional arguments",
        "assert duration('1h') == 3600",
    ],
)
def test_a_fault_of_the_code_has_none(message: str) -> None:
    assert failed(message) == ""
