"""Foreign causes: signs in a failure that the machine or the clock is at fault, and not the code.

A sign is no proof, so that such a test counts as failing. It is only kept apart from the others,
and looked at after them.
"""

from __future__ import annotations

import re

from sandbox.runners.base import Outcome, TestResult

MAX_READ_CHARACTERS = 4_000
"""Of the end of a traceback."""
_SIGNS = (
    (
        "the locale of this machine",
        re.compile(r"locale\.Error|unsupported locale|\b(?:LC_(?:ALL|CTYPE|TIME)|LANG)\b"),
    ),
    (
        "a limit on the clock",
        re.compile(
            r"DeadlineExceeded|hypothesis\.errors\.Flaky|exceed\w* (?:the )?deadline"
            r"|took (?:too long|\d[\d.]* ?m?s(?:ec\w*)?\b)|Timeout >\d"
            r"|\bassert\b[^\n]*(?:\b(?:elapsed\w*|duration|took)\b|time\(\)|perf_counter\(\)"
            r"|monotonic\(\))[^\n]*<"
        ),
    ),
    (
        "a file that is not here",
        re.compile(
            r"(?:FileNotFoundError|NotADirectoryError): \[Errno 2\d?\]"
            r"|\bNo such file or directory\b|\b[Ss]ubmodules?\b[^\n]*(?:init|empty|missing)"
        ),
    ),
    (
        "the user that the tests run as",
        re.compile(r"DID NOT RAISE[^\n]*PermissionError|PermissionError: \[Errno 13?\]"),
    ),
    (
        "the time zones or certificates of this machine",
        re.compile(r"ZoneInfoNotFoundError|No time zone found|certificate (?:has )?expired"),
    ),
    ("the want of a display", re.compile(r"no display name|cannot open display|\$DISPLAY")),
)
"""What a failure seems to come from, and how it is told."""


def foreign_cause(result: TestResult) -> str:
    """What outside the project a failing test seems to fail for, as a noun; empty for none."""
    if result.outcome is Outcome.CRASHED:
        return ""
    text = f"{result.exception}: {result.message}\n{result.details[-MAX_READ_CHARACTERS:]}"
    return next((cause for cause, sign in _SIGNS if sign.search(text)), "")
