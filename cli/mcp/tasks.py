"""Work that goes on in the background while a client asks how far it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from agent.events import Event, Listener
from agent.untrusted_text import shortened
from agent.wording import line_of
from cli.errors import BadInput
from cli.mcp.outcome import told_text

MAX_RUNNING = 2
"""Repairs side by side; each takes a processor or more."""
MAX_KEPT = 50
Outcome: TypeAlias = Mapping[str, Any]
Work: TypeAlias = Callable[[Listener, threading.Event], Outcome]


class Task:
    """One piece of work in a thread of its own."""

    def __init__(self, task_id: str, kind: str, work: Work) -> None:
        self.task_id, self.kind = task_id, kind
        self._started, self._seconds = time.monotonic(), 0.0
        self._progress = ""
        self._outcome: Outcome | None = None
        self._error = ""
        self._stop, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, args=(work,), name=task_id, daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        return not self._ended.is_set()

    def stop(self) -> None:
        """Ask it to end with the best that is known."""
        self._stop.set()

    def wait(self, seconds: float) -> None:
        self._ended.wait(max(0.0, seconds))

    def told(self) -> dict[str, Any]:
        """How far it is, as plain data."""
        state = "running" if self.running else "failed" if self._error else "ended"
        seconds = time.monotonic() - self._started if self.running else self._seconds
        report: dict[str, Any] = {
            "run": self.task_id,
            "kind": self.kind,
            "state": state,
            "seconds": round(seconds, 1),
            "progress": told_text(self._progress),
        }
        if self._error:
            report["error"] = told_text(self._error)
        return report | ({} if self._outcome is None else {"result": dict(self._outcome)})

    def _run(self, work: Work) -> None:
        try:
            self._outcome = work(self._listen, self._stop)
        except Exception as error:  # the boundary: the client reads a sentence
            self._error = str(error).strip() or type(error).__name__
        finally:
            self._seconds = time.monotonic() - self._started
            self._ended.set()

    def _listen(self, event: Event) -> None:
        if line := line_of(event):
            self._progress = line.strip()


class Tasks:
    """The work of one server, by id; the oldest that ended are forgotten."""

    def __init__(self) -> None:
        self._tasks: dict[str, Task] = {}
        self._guard = threading.Lock()

    def start(self, task_id: str, kind: str, work: Work) -> Task:
        """Begin it in the background. Raises BadInput where enough is going on."""
        with self._guard:  # tools are called in threads of their own
            running_tasks = [task for task in self._tasks.values() if task.running]
            if len(running_tasks) >= MAX_RUNNING:
                names = ", ".join(task.task_id for task in running_tasks)
                raise BadInput(f"{names} are running; wait for one with `status`, or `cancel` it.")
            for old in [task for task in self._tasks.values() if not task.running][:-MAX_KEPT]:
                del self._tasks[old.task_id]
            task = self._tasks[task_id] = Task(task_id, kind, work)
            return task

    def get(self, task_id: str) -> Task:
        """Raises BadInput for an id that this server did not give."""
        with self._guard:
            if task_id not in self._tasks:
                raise BadInput(f"There is no run {shortened(task_id, 60)} of this server.")
            return self._tasks[task_id]

    def stop_all(self) -> None:
        with self._guard:
            for task in self._tasks.values():
                task.stop()
