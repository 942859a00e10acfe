"""A model that reads its answers from a file, and a recorder that makes such files.

The file is JSON lines. A line is a completion (see `records`), answered to the next question; or
`{"question": KEY, "completions": [...], "model": NAME}`, answered to that question whenever it
is asked: the form that `Recorder` writes. Blank lines and lines that start with `#` are skipped.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TextIO

from agent.model.base import (
    Completion,
    FinishReason,
    GenerationParams,
    Message,
    ModelBackend,
    TokenEvent,
    TokenListener,
    Tool,
)
from agent.model.completion_json import completion_from_json, completion_to_json, question_key
from agent.model.errors import MalformedCompletion, ModelError, ScriptExhausted

_CONTEXT_WINDOW_TOKENS = 262_144


class ScriptedModel:
    """Answers from a script, deterministically.

    A question that the script names by key gets its answers first. Any other takes the next n
    unkeyed lines, in order; concurrent callers are served in order of arrival.
    """

    def __init__(self, path: Path, *, context_window: int = _CONTEXT_WINDOW_TOKENS) -> None:
        """Read the script. Raises MalformedCompletion with the line at fault."""
        self.name = f"scripted:{path.name}"
        self._path = path
        self._window = context_window
        self._lock = threading.Lock()
        self._keyed: dict[str, list[list[object]]] = {}
        self._next: list[object] = []
        self._used = 0
        self._asked = 0
        self._load()

    @property
    def context_window(self) -> int:
        return self._window

    def generate(
        self,
        messages: Sequence[Message],
        tools: Sequence[Tool],
        params: GenerationParams,
        n: int = 1,
        *,
        on_token: TokenListener | None = None,
        cancel: threading.Event | None = None,
    ) -> list[Completion]:
        """The next answers. Raises ScriptExhausted, MalformedCompletion."""
        if cancel is not None and cancel.is_set():
            empty = Message(role="assistant", content="")
            return [Completion(message=empty, finish_reason=FinishReason.CANCELLED)] * n
        with self._lock:
            self._asked += 1
            answers = self._take(question_key(messages, tools, n), n)
        completions = [completion_from_json(a, tools, thinking=params.thinking) for a in answers]
        if on_token is not None:
            _replay(completions, on_token)
        return completions

    def close(self) -> None:
        """Do nothing: the script holds no resources."""

    def _take(self, key: str, n: int) -> list[object]:
        if self._keyed.get(key):
            return self._keyed[key].pop(0)
        answers = self._next[self._used : self._used + n]
        if len(answers) < n:
            raise ScriptExhausted(
                f"{self._path} has no answer for question {self._asked} (it asks for {n}, "
                f"{len(answers)} of {len(self._next)} unkeyed lines are left). "
                "Add lines to the script, or lower the number of turns."
            )
        self._used += n
        return answers

    def _load(self) -> None:
        try:
            text = self._path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise MalformedCompletion(f"cannot read the script {self._path}: {error}") from error
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip() and not line.lstrip().startswith("#"):
                self._load_line(line, number)

    def _load_line(self, line: str, number: int) -> None:
        try:
            self._add(json.loads(line))
        except (ValueError, RecursionError) as error:
            raise MalformedCompletion(f"{self._path}:{number} is not JSON: {error}") from error
        except MalformedCompletion as error:
            raise MalformedCompletion(f"{self._path}:{number}: {error}") from error

    def _add(self, value: object) -> None:
        if not isinstance(value, dict) or "question" not in value:
            completion_from_json(value, ())
            self._next.append(value)
            return
        answers = value.get("completions")
        if not isinstance(answers, list):
            raise MalformedCompletion("a line with `question` needs a list of `completions`")
        for answer in answers:
            completion_from_json(answer, ())
        self._keyed.setdefault(str(value["question"]), []).append(answers)


def _replay(completions: Sequence[Completion], on_token: TokenListener) -> None:
    for index, completion in enumerate(completions):
        if completion.message.reasoning:
            on_token(TokenEvent(index=index, text=completion.message.reasoning, reasoning=True))
        if completion.message.content:
            on_token(TokenEvent(index=index, text=completion.message.content, reasoning=False))


class Recorder:
    """Any backend, with each question and its answers written to a file as they come.

    The file can be played by `ScriptedModel`. A question asked twice is recorded twice and
    played back in the same order.
    """

    def __init__(self, model: ModelBackend, path: Path) -> None:
        """Start a new file at `path`. Raises ModelError when it cannot be written."""
        self.name = model.name
        self._model = model
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: TextIO = path.open("w", encoding="utf-8")
        except OSError as error:
            raise ModelError(f"cannot record to {path}: {error}") from error

    @property
    def context_window(self) -> int:
        return self._model.context_window

    def generate(
        self,
        messages: Sequence[Message],
        tools: Sequence[Tool],
        params: GenerationParams,
        n: int = 1,
        *,
        on_token: TokenListener | None = None,
        cancel: threading.Event | None = None,
    ) -> list[Completion]:
        """As the model recorded does; cancelled answers are not written."""
        completions = self._model.generate(
            messages, tools, params, n, on_token=on_token, cancel=cancel
        )
        if all(c.finish_reason is not FinishReason.CANCELLED for c in completions):
            self._write(
                {
                    "question": question_key(messages, tools, n),
                    "model": self.name,
                    "completions": [completion_to_json(c) for c in completions],
                }
            )
        return completions

    def close(self) -> None:
        """End the file and the model."""
        with self._lock:
            self._file.close()
        self._model.close()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _write(self, record: dict[str, object]) -> None:
        line = json.dumps(record, ensure_ascii=False)
        with self._lock:
            self._file.write(line + "\n")
            self._file.flush()
