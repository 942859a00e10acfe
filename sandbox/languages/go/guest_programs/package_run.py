"""The tests of one package: run until each has an outcome. Python 3.8+, standard library only."""

from __future__ import annotations

import os
import posixpath
import re
from typing import Any, Callable, Dict, Iterator, List, Optional, Set

from .failure_text import MAX_DETAILS, failure, of_project, printed
from .go_process import GoProcess, Line

MAX_TEST_TEXT = 64 * 1024
MAX_SOURCE_BYTES = 1 << 20
MAX_PATTERN_BYTES = 100_000
"""Linux takes no argument of over 128 KiB: then more tests run than are asked for."""
_TEST = re.compile(rb"^func[ \t]+((?:Test|Example|Fuzz)[^\s(\[]*)[ \t]*\(", re.MULTILINE)
_NO_BUILD = re.compile(r"\[(?:build|setup) failed\]")
_ENDED = ("PASS\n", "FAIL\n")
"""What a program of tests says last, where nothing ended it before."""
_PANICS = ("panic: ", "fatal error: ", "unexpected fault address")
_EXIT = "panic: unexpected call to os.Exit(0) during test"
_NAMES = ("pass", "fail", "skip")
_OUTCOMES = {"pass": "passed", "fail": "failed", "skip": "skipped"}

Emit = Callable[..., None]


class Ending:
    """What one process came to."""

    def __init__(self) -> None:
        self.running: List[str] = []
        """Tests that had begun and not ended, the innermost last."""
        self.texts: Dict[str, str] = {}
        """Test → what it printed; the package's own under the empty name."""
        self.told: Set[str] = set()
        self.red = False
        self.through = False
        """The program of the tests came to its own end."""
        self.failed = False
        """The package failed."""
        self.panicking = ""
        """The test that was running when it panicked."""
        self.withheld: List[Line] = []
        """Of tests that failed after that."""
        self.mute: List[str] = []
        """Tests that failed and printed nothing."""

    @property
    def culprit(self) -> str:
        """The test in which the process ended; empty where there is none. What a part of a test
        panics with is printed as of the test around it, once the part has failed."""
        if self.through:
            return ""
        parts = [name for name in self.mute if name.startswith(self.panicking + "/")]
        if self.panicking and parts:
            return parts[-1]
        return self.panicking or (self.running[-1] if self.running else "")


class PackageRun:
    """All processes that the tests of one package take."""

    def __init__(self, request: Dict[str, Any], folder: str, files: List[str], emit: Emit) -> None:
        self.request, self.folder, self._files, self._emit = request, folder, files, emit
        self.failed = False
        self.output = ""
        self.seen = 0
        """Tests that ended."""
        self._place = os.path.join(request["workspace"], folder)
        self._file_of = dict(self._tests())
        self._done = {self._name(t) for t in request["skip"] if self._name(t)}
        self._blamed = {self._name(t) for t in request["blamed"] if self._name(t)}
        self._passed: Set[str] = set()
        self._red: Set[str] = set(self._blamed)
        ids = request["ids"]
        self._ids = None if ids is None else [t for t in ids if _folder_of(t) == folder]

    def _tests(self) -> Iterator[Any]:
        try:
            names = sorted(os.listdir(self._place), reverse=True)
        except OSError:
            return
        for name in names:
            path = posixpath.join(self.folder, name)
            if name.endswith("_test.go"):
                try:
                    with open(os.path.join(self._place, name), "rb") as stream:
                        content = stream.read(MAX_SOURCE_BYTES)
                except OSError:
                    continue
                for test in _TEST.findall(content):
                    yield test.decode("utf-8", "replace"), path

    def _name(self, test_id: str) -> str:
        """Go's name of a test of this package; empty for another."""
        path, _, name = test_id.partition("::")
        return name if posixpath.dirname(path) == self.folder else ""

    def _id(self, name: str) -> str:
        path = self._file_of.get(name.partition("/")[0], "")
        return f"{path or (self._files or [self.folder])[0]}::{name}"

    def _wanted(self, name: str) -> bool:
        test_id = self._id(name)
        return self._ids is None or any(_lies_in(test_id, asked) for asked in self._ids)

    def run(self) -> None:
        """Until every test that is wanted has an outcome, or nothing moves on."""
        names: Optional[List[str]] = None
        while True:
            before = len(self._done) + len(self._blamed)
            ending = self._once(names)
            if ending.culprit and ending.culprit not in self._blamed:
                self._ended_in(ending.culprit, ending)
            elif not ending.told and ending.failed:
                self._uncollected(self.output)
                return
            elif ending.failed and not ending.red and not self._red:
                self._uncollected(self.output)
            if ending.through or len(self._done) + len(self._blamed) == before:
                return
            names = self._left(ending.culprit)
            if not names:
                return

    def _left(self, culprit: str) -> List[str]:
        """Tests that had no turn, and the one in a part of which the process ended."""
        names = [n for n in sorted(self._file_of) if n not in self._done and self._is_asked(n)]
        top, _, part = culprit.partition("/")
        if part and top not in names:
            names.append(top)
        return [name for name in names if name not in self._blamed]

    def _is_asked(self, top: str) -> bool:
        test_id = self._id(top)
        return self._wanted(top) or any(t.startswith(test_id + "/") for t in self._ids or ())

    def _once(self, names: Optional[List[str]]) -> Ending:
        argv = [*self.request["argv"], *self.request["options"], *self._filters(names), "."]
        process = GoProcess(argv, self._place)
        ending = Ending()
        for line in process.lines(lambda: self._patience(ending)):
            self._take(line, ending)
        status = process.end()
        if ending.through:  # what read as a panic was a text
            ending.panicking = ""
            for line in ending.withheld:
                self._take(line, ending)
        ending.failed = ending.failed or status != 0
        built = ending.texts.get("", "") + process.errors()
        self.output = of_project(built, self.folder)[-MAX_TEST_TEXT:]
        if process.overdue:
            ending.through = False
        return ending

    def _patience(self, ending: Ending) -> Optional[float]:
        """Seconds that a test may take which nobody asked for; the host counts all others."""
        name = ending.running[-1] if ending.running else ""
        if not name or self._wanted(name):
            return None
        seconds: Optional[float] = self.request.get("test_timeout_seconds")
        return seconds

    def _filters(self, names: Optional[List[str]]) -> List[str]:
        options = []
        if names is not None:
            pattern = f"^{_either(names)}$"
            options += ["-run", pattern if len(pattern.encode()) <= MAX_PATTERN_BYTES else "."]
        elif self._ids is not None:
            options += ["-run", self._asked()]
        if self._blamed:
            parts = ("/".join(f"^{_quoted(p)}$" for p in n.split("/")) for n in self._blamed)
            options += ["-skip", "|".join(sorted(parts))]
        return options

    def _asked(self) -> str:
        """A pattern of the tests that are asked for; wider where they lie in several."""
        names: List[List[str]] = []
        for test_id in self._ids or ():
            path, _, name = test_id.partition("::")
            inside = [test for test, file in self._file_of.items() if file == path]
            names += [name.split("/")] if name else [[test] for test in inside]
        if not names:
            return "^$"
        depth = 1 if len({name[0] for name in names}) > 1 else min(map(len, names))
        levels = [sorted({name[level] for name in names}) for level in range(depth)]
        parts = [f"^{_either(level)}$" for level in levels]
        while parts and len("/".join(parts).encode()) > MAX_PATTERN_BYTES:
            parts.pop()
        return "/".join(parts) or "."

    def _take(self, line: Line, ending: Ending) -> None:
        action, name = str(line["Action"]), str(line.get("Test") or "")
        if action in ("output", "build-output"):
            text = str(line.get("Output", ""))
            kept = ending.texts.get(name, "")
            ending.texts[name] = kept + text if len(kept) < MAX_TEST_TEXT else kept
            if not name and text in _ENDED:
                ending.through = True
            if text.startswith(_PANICS) and not ending.panicking:
                ending.panicking = name
        elif name and action in ("run", "cont"):
            ending.running.append(name)
            self._starts(name)
        elif name and action == "pause":
            _drop(ending.running, name)
        elif name and action in _NAMES:
            _drop(ending.running, name)
            if action == "fail" and ending.panicking:
                ending.withheld.append(line)  # of these `_ended_in` says how they ended
                return
            ending.told.add(name)
            if action == "fail" and not printed(ending.texts.get(name, "")):
                ending.mute.append(name)
            self._result(name, action, float(line.get("Elapsed") or 0.0), ending)
            if ending.running:
                self._starts(ending.running[-1])
        elif action == "fail":
            ending.failed = True

    def _starts(self, name: str) -> None:
        if self._wanted(name) and name not in self._done:
            self._emit("start", id=self._id(name))

    def _result(self, name: str, action: str, seconds: float, ending: Ending) -> None:
        self.seen += 1
        inner = [red for red in self._red if red.startswith(name + "/")]
        outcome = "failed" if inner and action == "pass" else _OUTCOMES[action]
        if outcome == "failed":
            ending.red = self.failed = True
            self._red.add(name)
        if not self._wanted(name):
            return
        # A second outcome of one name counts where it is the worse one.
        if name in self._done and not (outcome == "failed" and name in self._passed):
            return
        self._done.add(name)
        fields: Dict[str, Any] = {"outcome": outcome, "seconds": seconds}
        if outcome == "passed":
            self._passed.add(name)
        else:
            fields.update(self._failure(name, sorted(inner), ending))
        self._emit("result", id=self._id(name), **fields)

    def _failure(self, name: str, inner: List[str], ending: Ending) -> Dict[str, Any]:
        text = failure(ending.texts.get(name, ""), self.folder, self.request["workspace"])
        if text["message"] or not inner:
            return text
        inmost = max(inner, key=lambda one: one.count("/"))
        text = failure(ending.texts.get(inmost, ""), self.folder, self.request["workspace"])
        text["message"] = f"{inmost}: {text['message'] or 'it did not pass'}"[:MAX_DETAILS]
        return text

    def _ended_in(self, culprit: str, ending: Ending) -> None:
        """The process ended in a test, and with it all that the test lies in."""
        self.failed = True
        self._blamed.add(culprit)
        parts = culprit.split("/")
        text = ending.texts.get(ending.panicking or culprit, "")
        is_panic = bool(ending.panicking) and _EXIT not in text
        fields: Dict[str, Any] = {"outcome": "failed" if is_panic else "crashed"}
        fields.update(failure(text, self.folder, self.request["workspace"]))
        if not is_panic:
            fields["message"] = "the process ended while this test ran"
            fields["details"] = f"{fields['message']}\n{fields['details']}"[:MAX_DETAILS]
        for count in range(len(parts), 0, -1):
            name = "/".join(parts[:count])
            self.seen += 1
            self._red.add(name)
            is_new = name not in self._done or name in self._passed or name == culprit
            if self._wanted(name) and is_new:
                self._done.add(name)
                self._emit("result", id=self._id(name), **fields)

    def _uncollected(self, text: str) -> None:
        """The package could not be built, or failed beside its tests."""
        self.failed = True
        paths = self._files
        if self._ids is not None:
            paths = sorted({test_id.partition("::")[0] for test_id in self._ids})
        for path in paths:
            self._emit("collect_error", path=path, text=text[-MAX_DETAILS:])


def _drop(names: List[str], name: str) -> None:
    if name in names:
        names.remove(name)


def _folder_of(test_id: str) -> str:
    return posixpath.dirname(test_id.partition("::")[0])


def _lies_in(test_id: str, name: str) -> bool:
    """Whether a name is that of the test, or of what it lies in."""
    return test_id == name or test_id.startswith((name + "::", name + "/"))


def _either(names: List[str]) -> str:
    return f"({'|'.join(map(_quoted, names))})"


def _quoted(name: str) -> str:
    return re.sub(r"[\\^$.*+?()\[\]{}|/]", r"\\\g<0>", name)
