"""What a test runner said that ended before its first test."""

from __future__ import annotations

import re

MAX_CHARACTERS = 300
_USAGE = re.compile(r"^(?:ERROR: )?[\w./() -]+: error: (.+)$", re.M)
"""argparse's own line, behind the usage and before what pytest adds (`inifile:`, `rootdir:`):
https://docs.python.org/3/library/argparse.html#exiting-methods"""
_ERROR = re.compile(r"^(?:ERROR|INTERNALERROR>|Error): (.+)$", re.M)
_RAISED = re.compile(
    r"^(?:INTERNALERROR> |E\s+)?((?:\w+\.)*\w*(?:Error|Exception|Exit)\b.*)$", re.M
)


def telling_line(output: str) -> str:
    """The line that says what was wrong, out of a usage, a traceback and notes around it; empty
    where nothing was said."""
    output = output.strip()
    usage = _USAGE.search(output)
    if usage:
        return usage.group(1).strip()[:MAX_CHARACTERS]
    for pattern in (_RAISED, _ERROR):
        lines: list[str] = pattern.findall(output)
        if lines:
            return lines[-1].strip()[:MAX_CHARACTERS]
    return output.rsplit("\n", 1)[-1][:MAX_CHARACTERS]
