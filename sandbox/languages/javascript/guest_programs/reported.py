"""What was reported of the tests of one run, and what is still to be. Python 3.8+, standard library
only; the events are those of Python's runners."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

from .node_process import Line, NodeProcess, ProcessEnding

MAX_DETAILS = 8000
MAX_MESSAGE = 500
_FRAME = re.compile(
    r"^[^\S\n]*at (?:(?:async )?(.*?) \()?(?:file://)?(/[^\n]*?):(\d+):\d+\)?\s*$", re.MULTILINE
)


class Run:
    """All files of one run; knows what was reported already."""

    def __init__(self, request: Dict[str, Any], emit: Callable[..., None]) -> None:
        self.request = request
        self._emit = emit
        self.done: Set[str] = set(request["skip"])
        self.blamed: Set[str] = set(request["blamed"])
        self.seen: Set[str] = set()
        """Tests, suites and what was left out, of this program."""
        self.output = ""
        self.failed = False
        self.status = 0
        """Of the last process."""
        self._passed: List[str] = []

    def wanted(self, test_id: str) -> bool:
        ids = self.request["ids"]
        if test_id in self.done:
            return False
        return ids is None or any(lies_in(test_id, name) for name in ids)

    def follow(self, node: NodeProcess) -> ProcessEnding:
        """Pass on what one process says, to its end."""
        ending, breakages = self._hear(node)
        ending.status = self.status = node.end()
        self.output = node.output()
        self._break(breakages)
        return ending

    def follow_turn(self, node: NodeProcess) -> ProcessEnding:
        """Pass on what a process says that stays after its tests."""
        ending, breakages = self._hear(node)
        self.output = node.output()
        self._break(breakages)
        return ending

    def _hear(self, node: NodeProcess) -> Tuple[ProcessEnding, List[Line]]:
        ending = ProcessEnding()
        breakages = []
        for line in node.lines(lambda: self._patience(ending)):
            kind, test_id = line.get("kind"), str(line.get("id", ""))
            ending.through = kind == "end"
            if kind == "lines":
                if not test_id or self.wanted(test_id):
                    self._emit("lines", id=test_id, files=line.get("files", {}))
                continue
            if kind == "start":
                ending.running.append(test_id)
                if self.wanted(test_id):
                    self._emit("start", id=test_id)
                continue
            if test_id in ending.running:
                ending.running.remove(test_id)
            if kind == "result":
                ending.told += 1
                ending.red = ending.red or line.get("outcome") in ("failed", "error")
                self.seen.add(test_id)
                self.result(test_id, line)
            elif kind == "broken":
                ending.red = True
                breakages.append(line)
        return ending, breakages

    def _break(self, breakages: List[Line]) -> None:
        for line in breakages:
            self.broken(str(line.get("id", "")), line)

    def _patience(self, ended: ProcessEnding) -> Optional[float]:
        """Seconds that a test may take which nobody asked for; the host counts all others."""
        test_id = ended.running[-1] if ended.running else ""
        if not test_id or self.wanted(test_id):
            return None
        return self.request.get("test_timeout_seconds")

    def result(self, test_id: str, line: Line) -> None:
        outcome = str(line.get("outcome", "failed"))
        self.failed = self.failed or outcome in ("failed", "error")
        # By what runs after a test, a second `done()`, or the same test in another project of jest.
        is_spoiled = outcome in ("failed", "error") and test_id in self._passed
        if not self.wanted(test_id) and not is_spoiled:
            return
        self.done.add(test_id)
        if outcome == "passed":
            self._passed.append(test_id)
        fields: Dict[str, Any] = {"outcome": outcome, "seconds": float(line.get("seconds", 0.0))}
        if outcome != "passed":
            fields.update(failure(line, self.request["workspace"]))
        self._emit("result", id=test_id, **fields)

    def crashed(self, test_id: str) -> None:
        """The process ended in a test."""
        self.blamed.add(test_id)
        self.failed = True
        if self.wanted(test_id):
            self.done.add(test_id)
            message = f"the process ended while this test ran (exit status {self.status})"
            details = f"{message}\n{self.output[-MAX_DETAILS:]}"
            self._emit("result", id=test_id, outcome="crashed", message=message, details=details)

    def starts(self, path: str) -> None:
        """A file that is a test itself."""
        if self.wanted(path):
            self._emit("start", id=path)

    def program(self, path: str, status: int) -> None:
        """A file without tests is one itself, as `node --test` has it."""
        self.seen.add(path)
        # What tape and other writers of TAP say of checks that hold would bury the others.
        told = "\n".join(one for one in self.output.splitlines() if not re.match(r"ok \d", one))
        fields = {"outcome": "failed" if status else "passed", "stack": told}
        failed_check = re.search(r"^not ok \d+ .*", told, re.MULTILINE)
        why = (failed_check and failed_check.group()) or last_error(told) or f"exit status {status}"
        self.result(path, {**fields, "message": why})

    def broken(self, place: str, line: Line) -> None:
        text = str(line.get("stack") or line.get("message") or "")
        self.uncollected(place, text)

    def uncollected(self, place: str, text: str) -> None:
        """A file could not be run whole, or a suite in it."""
        self.failed = True
        path = path_of(place)
        ids = self.request["ids"]
        is_wanted = ids is None or path in map(path_of, ids)
        if path in self.done or not is_wanted:
            return
        inside = [test for test in self._passed if lies_in(test, place)]
        last = inside[-1] if inside else None
        if last is not None:  # a hook behind the tests, or the end of their process
            why = last_error(text) or "its file failed"
            self.result(last, {"outcome": "error", "message": why, "stack": text})
        self._emit("collect_error", path=path, text=text[-MAX_DETAILS:])


def failure(line: Line, workspace: str) -> Dict[str, Any]:
    """What is told of a failure, as the host's events have it."""
    name, message, stack = (str(line.get(part, "")) for part in ("name", "message", "stack"))
    words = " ".join(message.split())
    is_told = not name or words.startswith(f"{name}:")
    text = words if is_told else f"{name}: {words}".removesuffix(": ")
    values = [f"{side}: {line[side]}" for side in ("expected", "actual") if line.get(side)]
    details = "\n".join([stack or message, *values])
    return {
        "message": text[:MAX_MESSAGE],
        "details": details[:MAX_DETAILS],
        "exception": name,
        "frames": frames(stack, workspace),
    }


def frames(stack: str, workspace: str) -> List[List[Any]]:
    """Path, line and function of each line of a stack, innermost last."""
    prefix = workspace.rstrip("/") + "/"
    stack_frames = []
    for function, path, line in _FRAME.findall(stack):
        name = path[len(prefix) :] if path.startswith(prefix) else path
        stack_frames.append([name, int(line), function.strip()])
    return stack_frames[::-1]


def last_error(text: str) -> str:
    """The last line that begins with the name of an error; empty where there is none."""
    lines = [line for line in text.splitlines() if re.match(r"\S*Error\b", line)]
    return lines[-1] if lines else ""


def path_of(test_id: str) -> str:
    return test_id.partition("::")[0]


def lies_in(test_id: str, name: str) -> bool:
    """Whether a name is that of the test, or of what it lies in."""
    return test_id == name or test_id.startswith(name + "::")
