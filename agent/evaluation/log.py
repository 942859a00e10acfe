"""The log of an evaluation: JSON lines that are only ever added to.

The first line names the schema. Then come, in any order: `answers` (all answers to one task, in
one line, so that a kill leaves all or none of them), `grade` (of one answer; a later one of the
same answer replaces it) and `failure` (a task that could not be answered: tried again by the next
`resume`). A kill may leave half a line at the end; it is cut off when the log is opened again.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from types import TracebackType
from typing import Any

from pydantic import ValidationError

from agent.evaluation.errors import LogDamaged
from agent.evaluation.records import Answer, Grade, Sampling
from agent.serialization import plain, restore
from sandbox.host.private_files import close_to_others

LOG_SCHEMA = "repair-evaluation-log/1"


@dataclass
class LogContents:
    """What a log holds."""

    answers: dict[str, tuple[Answer, ...]] = field(default_factory=dict)
    """Task → its answers, by sample."""
    grades: dict[tuple[str, int], Grade] = field(default_factory=dict)
    """(task, sample) → its newest grade."""
    spans: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Task → when its answering began and ended, seconds since 1970, where that was recorded."""
    failures: dict[str, str] = field(default_factory=dict)
    """Task without answers → why, of the newest attempt."""

    def take(self, record: Mapping[str, Any]) -> None:
        """Add one line. Raises KeyError, TypeError, ValueError for what is none of ours."""
        task = record["task"]
        match record["kind"]:
            case "answers":
                self.answers[task] = tuple(restore(Answer, answer) for answer in record["answers"])
                self.failures.pop(task, None)
                self.spans.pop(task, None)
                if span := record.get("span"):
                    self.spans[task] = _span(span)
            case "grade":
                self.grades[task, record["sample"]] = restore(Grade, record["grade"])
            case "failure":
                self.failures[task] = record["why"]
            case kind:
                raise ValueError(f"there is no record of the kind {kind!r}")


def _span(value: Any) -> tuple[float, float]:
    begin, end = map(float, value)
    if not (isfinite(begin) and isfinite(end)):
        raise ValueError("a time that is none")
    return begin, end


class EvaluationLog:
    """An open log. Safe to use from several threads of the one process that holds the run."""

    def __init__(self, path: Path) -> None:
        """Open or make it; it is no link. Raises LogDamaged."""
        self._path = path
        self._guard = threading.Lock()
        _make_own(path)
        _cut_off_half_a_line(path)
        self.recorded = read_log(path)
        self._file = path.open("a", encoding="utf-8")
        if path.stat().st_size == 0:
            self._append({"kind": "log", "schema": LOG_SCHEMA})

    def add_answers(
        self,
        task_id: str,
        prompt: str,
        sampling: Sampling,
        answers: Sequence[Answer],
        span: tuple[float, float] | None = None,
    ) -> None:
        """Record all answers to a task at once; `span`: when they were begun and there."""
        self._add(
            {
                "kind": "answers",
                "task": task_id,
                "prompt_sha256": hashlib.sha256(prompt.encode("utf-8", "replace")).hexdigest(),
                "sampling": plain(sampling),
                "span": span,
                "answers": [plain(answer) for answer in answers],
            }
        )

    def add_grade(self, answer: Answer, grade: Grade) -> None:
        """Record a grade, which replaces an earlier one of the same answer."""
        self._add(
            {
                "kind": "grade",
                "task": answer.task_id,
                "sample": answer.sample,
                "grade": plain(grade),
            }
        )

    def add_failure(self, task_id: str, why: str) -> None:
        """Record that a task could not be answered, for no fault of its answer."""
        self._add({"kind": "failure", "task": task_id, "why": why})

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> EvaluationLog:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _add(self, record: dict[str, Any]) -> None:
        with self._guard:
            self._append(record)
            self.recorded.take(record)

    def _append(self, record: Mapping[str, Any]) -> None:
        """Flushed, not synced: a kill of this process loses nothing, a power cut the last lines."""
        self._file.write(json.dumps(record) + "\n")
        self._file.flush()


def read_log(path: Path) -> LogContents:
    """What a log holds, half a line at its end left out. Raises LogDamaged."""
    log = LogContents()
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if not line.endswith(b"\n"):
                break
            _take_line(log, line, f"{path}:{number}", first=number == 1)
    return log


def _take_line(recorded: LogContents, line: bytes, place: str, *, first: bool) -> None:
    try:
        record = json.loads(line)
        if not first:
            recorded.take(record)
        elif record["schema"] != LOG_SCHEMA:
            raise LogDamaged(f"{place} has the schema {record['schema']!r}, not {LOG_SCHEMA}")
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise LogDamaged(f"{place} is no line of a log: {error!r:.200}") from error


def _make_own(path: Path) -> None:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        os.close(os.open(path, flags, 0o600))
    except OSError as error:
        raise LogDamaged(f"{path} cannot be opened as a plain file: {error.strerror}") from error
    close_to_others(path)


def _cut_off_half_a_line(path: Path) -> None:
    with path.open("r+b") as stream:
        content = stream.read()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            stream.truncate(whole)
            os.fsync(stream.fileno())
