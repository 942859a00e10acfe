"""From pytest's phases to one outcome a test, and from an exception to plain data.

Shared by the runner, the coverage run and the evaluator, so that all three agree.
Python 3.8+, standard library only.
"""

from __future__ import annotations

import os
import traceback
from types import TracebackType
from typing import Any, Dict, List, Optional, Tuple

MAX_MESSAGE_CHARACTERS = 500
MAX_DETAILS_CHARACTERS = 8000
MAX_FRAMES = 60


def cut(text: str, limit: int) -> str:
    """Shorten a text to `limit` characters by leaving out its middle."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return text[:half] + "\n[...]\n" + text[-half:]


def type_name(error: BaseException) -> str:
    kind = type(error)
    return "{}.{}".format(kind.__module__, kind.__qualname__)


def message_of(error: BaseException) -> str:
    """`Type: first line`; the exception's own `__str__` may itself be broken."""
    try:
        text = str(error)
    except BaseException:  # project code
        text = "<str() of the exception failed>"
    name = type(error).__name__
    lines = text.strip().split("\n")
    return cut(
        "{}: {}".format(name, "\n".join(lines[:4])) if text.strip() else name,
        MAX_MESSAGE_CHARACTERS,
    )


def inside(path: str, workspace: str) -> Optional[str]:
    """`path` relative to the workspace, None when it lies outside of it."""
    prefix = workspace.rstrip("/") + "/"
    return path[len(prefix) :] if path.startswith(prefix) else None


def walk(tb: Optional[TracebackType]) -> List[Tuple[Any, int]]:
    """(frame, line) outermost first; the middle of a very deep one is left out."""
    frames: List[Tuple[Any, int]] = []
    while tb is not None:
        frames.append((tb.tb_frame, tb.tb_lineno))
        tb = tb.tb_next
        if len(frames) > 4 * MAX_FRAMES:
            del frames[MAX_FRAMES : 3 * MAX_FRAMES]
    return frames


def frames_of(tb: Optional[TracebackType], workspace: str) -> List[Tuple[str, int, str]]:
    """(path, line, function) from the first frame in the workspace on, innermost last."""
    frames: List[Tuple[str, int, str]] = []
    for frame, line in walk(tb):
        name = os.path.abspath(frame.f_code.co_filename)
        relative = inside(name, workspace)
        if relative is None and not frames:
            continue
        frames.append((relative or name, line, frame.f_code.co_name))
    if len(frames) > MAX_FRAMES:
        frames = frames[: MAX_FRAMES // 3] + frames[-2 * MAX_FRAMES // 3 :]
    return frames


def failure(error: BaseException, workspace: str, details: str = "") -> Dict[str, Any]:
    """What a test result says of an exception."""
    if not details:
        details = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    return {
        "message": message_of(error),
        "exception": type_name(error),
        "frames": frames_of(error.__traceback__, workspace),
        "details": cut(details, MAX_DETAILS_CHARACTERS),
    }


def outcome_of(phase: str, report: Any) -> str:
    """The outcome one phase's pytest report stands for."""
    expects_failure = hasattr(report, "wasxfail")
    if report.failed:
        return "failed" if phase == "call" else "error"
    if report.skipped:
        return "xfailed" if expects_failure else "skipped"
    return "xpassed" if expects_failure and phase == "call" else "passed"


def worse(earlier_outcome: str, later_outcome: str) -> str:
    """Outcome of a test of which another phase ended.

    A broken tear-down is an error, a skip in set-up stays a skip, a failure stays a failure.
    """
    if earlier_outcome in ("failed", "error"):
        return earlier_outcome
    if later_outcome in ("failed", "error") or earlier_outcome == "passed":
        return later_outcome
    return earlier_outcome
