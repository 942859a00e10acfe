"""`trajectory.jsonl`: what was said between a run and its model, a line for each step.

Written as it happens and only appended to, so that a run that is killed keeps what was said. All
texts are the model's or the target's: data, printed through `agent.untrusted_text`.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agent.serialization import plain, restore

MAX_TEXT_CHARACTERS = 20_000
"""Of one text; the middle of a longer one is left out."""
MAX_FILE_BYTES = 32 * 1024 * 1024
MAX_LINE_BYTES = 1024 * 1024
FULL = "full"
"""Kind of the last line of a file that holds no more."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that was said or done."""

    conversation: str
    """`model`, `model 2`, `test writer`; of a verdict who made the patch."""
    kind: str
    """`task` (a first message), `answer` (of the model), `tool` (what a call came to), `note` (any
    other message to the model), `patch` (handed in), `verdict`, `rejection` (as the model hears
    of it), `ending` or `full`."""
    turn: int
    """Of the conversation; of a verdict its number in the run."""
    index: int = 0
    """Among the steps of this kind and turn. A step that is told again after a crash has the same
    number, and counts once."""
    text: str = ""
    """Message, output, unified diff, rejection or ending."""
    thinking: str = ""
    calls: tuple[dict[str, Any], ...] = ()
    """`name` and `arguments` of each tool call of an answer."""
    plausible: bool | None = None
    """Of a verdict."""
    tokens: int = 0
    """Generated, thinking included."""
    prompt_tokens: int = 0
    seconds: float = 0.0
    """Wall-clock time of the generation or of the call."""
    at: float = field(default_factory=time.time)
    """Seconds since the epoch."""


class Trajectory:
    """Appends steps to the file. Safe to use from several threads. A disk that takes no more
    costs the log, never the repair."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def add(self, step: Step) -> None:
        line = _line(step)
        with self._lock, suppress(OSError):
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            file = os.open(self._path, flags, 0o600)
            try:
                size = os.fstat(file).st_size
                if size > MAX_FILE_BYTES:
                    return
                if size + len(line) > MAX_FILE_BYTES:
                    line = _line(replace(step, kind=FULL, text="", thinking="", calls=()))
                    line += b"\n" * (MAX_FILE_BYTES + 1 - size - len(line))
                is_torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
                os.write(file, b"\n" + line if is_torn else line)
            finally:
                os.close(file)


def read_trajectory(path: Path, last_bytes: int = MAX_FILE_BYTES * 2) -> list[Step]:
    """The steps in their order, those of the file's last bytes; lines that cannot be read are
    passed over."""
    steps: dict[tuple[str, str, int, int], Step] = {}
    with suppress(FileNotFoundError):
        for line in _lines(path, last_bytes):
            with suppress(ValueError, ValidationError, RecursionError):
                step = restore(Step, json.loads(line))
                steps[step.conversation, step.kind, step.turn, step.index] = step
    return list(steps.values())


def _lines(path: Path, last_bytes: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > last_bytes:
            file.seek(size - last_bytes)
            file.readline(MAX_LINE_BYTES)  # the rest of a line
        while line := file.readline(MAX_LINE_BYTES):
            yield line


def _line(step: Step) -> bytes:
    cut = replace(
        step,
        text=_cut(step.text),
        thinking=_cut(step.thinking),
        calls=tuple(_cut_call(call) for call in step.calls),
    )
    return json.dumps(plain(cut)).encode("ascii") + b"\n"


def _cut_call(call: dict[str, Any]) -> dict[str, Any]:
    arguments = {str(name): _cut(str(value)) for name, value in dict(call["arguments"]).items()}
    return {"name": str(call["name"]), "arguments": arguments}


def _cut(text: str) -> str:
    clean = text.encode("utf-8", "replace").decode("utf-8")
    if len(clean) <= MAX_TEXT_CHARACTERS:
        return clean
    half = MAX_TEXT_CHARACTERS // 2
    return f"{clean[:half]}\n[… {len(clean) - 2 * half} characters left out …]\n{clean[-half:]}"
