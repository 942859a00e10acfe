"""A failing test in words for the model: each thing once, the message first."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from sandbox.runners.base import Frame, TestResult

MAX_MESSAGE_CHARACTERS = 1_500
MAX_EXPLANATION_CHARACTERS = 1_500
MAX_PRINTED_CHARACTERS = 1_000
"""Of what the test printed and logged: its end."""
MIN_LONG_CHARACTERS = 120
"""Of two compared lines, from which the place is shown where they differ."""
BESIDE_CHARACTERS = 30
"""Shown on each side of that place."""
MAX_SHOWN_FRAMES = 6
MAX_CODE_CHARACTERS = 160
ADDRESS = re.compile(r"\bat 0x[0-9A-Fa-f]+")

MAX_EARLIER_EXCEPTIONS = 2
_CHAIN = re.compile(
    r"\n(?:During handling of the above exception, another exception occurred"
    r"|The above exception was the direct cause of the following exception):\n"
)
_SHORT_FRAME = re.compile(r"^(\S+):(\d+): in (\S+)\n(.*)$", re.MULTILINE)
"""As pytest's short style prints a frame and its line."""

_OF_UNITTEST = re.compile(r"^/.*/unittest/\w+\.py$")
"""unittest's own code outside the project, which says nothing of it."""

_NATIVE_FRAME = re.compile(r'\s+File "(.*)", line \d+')
_OF_RUNNER = re.compile(r"^/.*/lib/python3[^/]*/(?:unittest/\w+|doctest)\.py$")

LineAt = Callable[[str, int], str]
"""The text of a line of a file of the project; empty where there is none."""


def no_line(_path: str, _line: int) -> str:
    return ""


def failure_text(test_id: str, result: TestResult, line_at: LineAt = no_line) -> str:
    """Why one test fails: outcome and message, the way to the place, what of the runner's
    explanation is not said by then, and the end of what the test printed."""
    first = f"{test_id}: {_outcome(result)}"
    return "\n".join((first, *reasons(result, line_at), *_printed(result.printed)))


def reasons(result: TestResult, line_at: LineAt = no_line) -> list[str]:
    """Message, frames and explanation of a failure, in lines that name no test."""
    message = _capped(_whole_message(result), MAX_MESSAGE_CHARACTERS)
    lines = [f"  {line}" for line in message.split("\n") if line.strip()]
    frames = _shown_frames(result.frames)
    lines += [f"  at {_place(frame, line_at)}" for frame in frames]
    if result.waits:
        lines.append(f"  it waited in {result.waits}")
    explanation = _explanation(result, message, bool(frames))
    lines += _earlier(result.details)
    return [*lines, *_first_difference(result.details), *(f"  | {line}" for line in explanation)]


def _whole_message(result: TestResult) -> str:
    """The message as the runner's report goes on with it, where only its first lines were kept: a
    difference that is told in two parts cannot be read."""
    message = result.message.strip()
    message_lines = [line.strip() for line in message.split("\n") if line.strip()]
    report = _CHAIN.split(result.details)[-1].split("\n")
    lines = [line[1:].removeprefix("   ").rstrip() for line in report if line.startswith("E ")]
    head = [line.strip() for line in lines if line.strip()][: len(message_lines)]
    if (
        len(message_lines) < 2
        or head[:-1] != message_lines[:-1]
        or not head[-1].startswith(message_lines[-1])
    ):
        return message
    return "\n".join(lines).strip()


def _printed(text: str) -> list[str]:
    text = text.strip()
    end = text[-MAX_PRINTED_CHARACTERS:]
    if end != text:  # of the line that is cut, nothing but its end would be there
        end = end.partition("\n")[2] or end
        end = f"[… {len(text) - len(end)} characters …]\n{end}"
    return [f"  > {line}" for line in end.split("\n") if line.strip()]


def _first_difference(details: str) -> Iterator[str]:
    """Where two long lines of a comparison differ, which is lost where they are shortened."""
    lines = [line[1:].strip() if line.startswith("E ") else line for line in details.split("\n")]
    pairs = [pair for pair in pairwise(lines) if _is_compared(*pair)]
    for first, second in pairs[:1]:
        characters = enumerate(zip(first[2:], second[2:], strict=False))
        shorter = min(len(first), len(second)) - 2
        place = next((n for n, (a, b) in characters if a != b), shorter)
        near = slice(max(0, place - BESIDE_CHARACTERS), place + BESIDE_CHARACTERS)
        excerpts = f"{first[2:][near]!r} and {second[2:][near]!r}"
        yield f"  two lines differ first at character {place + 1}: {excerpts}"


def _is_compared(first: str, second: str) -> bool:
    marks = {first[:2], second[:2]}
    return marks == {"- ", "+ "} and max(len(first), len(second)) > MIN_LONG_CHARACTERS


def _earlier(details: str) -> Iterator[str]:
    """Exceptions that led to the one reported, each with the places it came through."""
    for text in _CHAIN.split(details)[:-1][-MAX_EARLIER_EXCEPTIONS:]:
        messages = [line[1:].strip() for line in text.split("\n") if line.startswith("E ")]
        lines = [line for line in text.strip().split("\n") if line.strip()]
        yield f"  after {(messages or lines[-1:] or ['another exception'])[0]}"
        for match in list(_SHORT_FRAME.finditer(text))[-MAX_SHOWN_FRAMES:]:
            path, line, function, code = match.groups()
            yield f"    at {path}:{line} in {function}:  {code.strip()[:MAX_CODE_CHARACTERS]}"


def _outcome(result: TestResult) -> str:
    return result.outcome.value.replace("_", " ")


def _shown_frames(frames: Sequence[Frame]) -> Sequence[Frame]:
    """The outermost, which is the test's own, and the innermost ones; none of unittest's own."""
    frames = [frame for frame in frames if not _OF_UNITTEST.search(frame.path)]
    if len(frames) <= MAX_SHOWN_FRAMES:
        return frames
    return (frames[0], *frames[-(MAX_SHOWN_FRAMES - 1) :])


def _place(frame: Frame, line_at: LineAt) -> str:
    code = line_at(frame.path, frame.line).strip()[:MAX_CODE_CHARACTERS]
    return f"{frame.path}:{frame.line} in {frame.function}" + (f":  {code}" if code else "")


def _explanation(result: TestResult, message: str, has_frames: bool) -> list[str]:
    """Lines of the runner's report that say more than message and frames do."""
    lines = _CHAIN.split(result.details)[-1].split("\n")
    error_lines = [line[1:].strip() for line in lines if line.startswith("E ")]
    message_lines = {line.strip() for line in message.split("\n")}
    if error_lines:
        new_lines = [line for line in error_lines if _new(line, message_lines)]
    else:
        new_lines = [line.rstrip() for line in _without_traceback(lines, has_frames)]
        new_lines = [line for line in new_lines if _new(line.strip(), message_lines)]
    text = "\n".join(dict.fromkeys(new_lines))
    return _capped(text, MAX_EXPLANATION_CHARACTERS).split("\n") if text.strip() else []


def _new(line: str, said: set[str]) -> bool:
    """Whether a line says something, and not the message again with its exception's name."""
    bare = re.sub(r"^[\w.]+: ", "", line, count=1)
    return bool(line) and line not in said and not any(bare and bare in text for text in said)


def _without_traceback(lines: Sequence[str], has_frames: bool) -> Iterator[str]:
    """The lines of a native traceback are in the frames already; those of unittest's and doctest's
    own code say nothing of the project."""
    skip = 0
    for line in lines:
        frame = _NATIVE_FRAME.match(line)
        if frame and (has_frames or _OF_RUNNER.search(frame[1])):
            skip = 2
        elif skip and (line.startswith("    ") or set(line.strip()) <= set("^~")):
            skip -= 1
            continue
        elif line.startswith("Traceback (most recent call last)"):
            continue
        else:
            skip = 0
            yield line


def _capped(text: str, limit: int) -> str:
    """`text`, or its head and tail."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[… {len(text) - 2 * half} characters …]\n{text[-half:]}"


def summary(result: TestResult) -> str:
    """Outcome and message in one line, equal for two runs that end alike."""
    message = ADDRESS.sub("at 0x…", " ".join(result.message.split()))[:200]
    return f"{result.outcome.value} {message}".rstrip()
