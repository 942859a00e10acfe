"""From pytest's phases to one outcome a test, and from an exception to plain data.

Shared by the runner, the coverage run and the evaluator, so that all three agree.
Python 3.8+, standard library only.
"""

from __future__ import annotations

import os
import traceback
from types import TracebackType
from typing import Any, Callable, Dict, List, Optional, Tuple

MAX_MESSAGE_CHARACTERS = 500
MAX_DETAILS_CHARACTERS = 8000
MAX_PRINTED_CHARACTERS = 2000
"""Of what a failing test printed and logged: its end."""
MAX_FRAMES = 60
MAX_RELATED = 50
"""Exceptions looked at around one: a group may hold thousands."""
MAX_RELATED_SHOWN = 8
MAX_RELATED_CHARACTERS = 1500
MAX_LEAVES_SHOWN = 3


def cut(text: str, limit: int) -> str:
    """Shorten a text to `limit` characters by leaving out its middle."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return text[:half] + "\n[...]\n" + text[-half:]


def sub_exceptions(error: BaseException) -> List[BaseException]:
    """The exceptions that a group holds; empty for any other exception.

    Told by the attribute alone: before Python 3.11 a group is of the backport `exceptiongroup`, or
    trio's `MultiError`.
    """
    try:
        inner = error.exceptions  # type: ignore[attr-defined]
    except BaseException:  # most have none; a property may be project code
        return []
    if not isinstance(inner, (list, tuple)):
        return []
    return [exception for exception in inner[:MAX_RELATED] if isinstance(exception, BaseException)]


def leaves_of(error: BaseException) -> List[BaseException]:
    """What failed: the exceptions in a group and in the groups within; else the exception."""
    leaves = [leaf for leaf in _related(error, sub_exceptions) if not sub_exceptions(leaf)]
    return leaves or [error]


def related(error: BaseException) -> List[BaseException]:
    """The exception, and those in it, before it and behind it: sub-exceptions, causes, contexts."""
    return _related(error, _neighbours)


def _neighbours(error: BaseException) -> List[BaseException]:
    chain = [cause for cause in (error.__cause__, error.__context__) if cause is not None]
    return [*sub_exceptions(error), *chain]


def _related(
    error: BaseException, step: Callable[[BaseException], List[BaseException]]
) -> List[BaseException]:
    """Depth first, each once, by identity: `==` of an exception may be project code."""
    exceptions: List[BaseException] = []
    identities = set()
    stack = [error]
    while stack and len(exceptions) < MAX_RELATED:
        exception = stack.pop()
        if id(exception) not in identities:
            identities.add(id(exception))
            exceptions.append(exception)
            stack += reversed(step(exception))
    return exceptions


def type_name(error: BaseException) -> str:
    """Qualified name of the type: of a group, that of all its leaves where they have one."""
    kinds = {type(leaf) for leaf in leaves_of(error)}
    kind = kinds.pop() if len(kinds) == 1 else type(error)
    return "{}.{}".format(kind.__module__, kind.__qualname__)


def message_of(error: BaseException) -> str:
    """`Type: first lines`. Of a group, those of its first leaves come before its own."""
    leaves = leaves_of(error)
    if leaves[0] is error:
        return cut(_message(error, 4), MAX_MESSAGE_CHARACTERS)
    messages = [_message(leaf, 4 if len(leaves) == 1 else 1) for leaf in leaves]
    limit = MAX_MESSAGE_CHARACTERS // MAX_LEAVES_SHOWN
    parts = [cut(message, limit) for message in messages[:MAX_LEAVES_SHOWN]]
    parts = parts if len(leaves) > 1 else messages
    return cut("\n".join([*parts, "in " + _message(error, 1)]), MAX_MESSAGE_CHARACTERS)


def _message(error: BaseException, lines: int) -> str:
    text = "\n".join(_text(error).split("\n")[:lines])
    name = type(error).__name__
    return "{}: {}".format(name, text) if text else name


def _text(error: BaseException) -> str:
    """The exception's own `__str__` may itself be broken."""
    try:
        return str(error).strip()
    except BaseException:  # project code
        return "<str() of the exception failed>"


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


def whole_walk(error: BaseException) -> List[Tuple[Any, int]]:
    """`walk` of the traceback; for a group, on through that of its first leaf that was raised."""
    frames = walk(error.__traceback__)
    for _ in range(MAX_RELATED):
        inner = sub_exceptions(error)
        if not inner:
            break
        exceptions = (exception for exception in inner if exception.__traceback__ is not None)
        error = next(exceptions, inner[0])
        frames += walk(error.__traceback__)
    return frames


def frames_of(error: BaseException, workspace: str) -> List[Tuple[str, int, str]]:
    """(path, line, function) from the first frame in the workspace on, innermost last."""
    frames: List[Tuple[str, int, str]] = []
    for frame, line in whole_walk(error):
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
        "frames": frames_of(error, workspace),
        "details": _with_related(error, cut(details, MAX_DETAILS_CHARACTERS)),
    }


def _with_related(error: BaseException, details: str) -> str:
    """The details, and what related exceptions say that a runner left out or that was cut."""
    unsaid = []
    for exception in related(error):
        first_line = _text(exception).split("\n")[0] or type(exception).__name__
        if first_line not in details:
            unsaid.append(cut(_message(exception, 4), MAX_RELATED_CHARACTERS))
    return "\n".join([details, *unsaid[:MAX_RELATED_SHOWN]])


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
