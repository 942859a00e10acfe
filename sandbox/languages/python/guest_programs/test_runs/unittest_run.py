"""Guest program: run the tests that a program hands to unittest, and stream what happens to the
host.

The same events as the pytest runner, with dotted test ids. The loader and the command line are the
program's own, so `load_tests`, Django's settings and databases are as always. Python 3.8+,
standard library only.
"""

from __future__ import annotations

import os
import re
import sys
import traceback
import unittest
from typing import Any, Callable, Dict, Iterator, List, Optional

from ..harness.event_channel import EventChannel
from ..harness.outcomes import MAX_PRINTED_CHARACTERS, cut, failure, inside, message_of
from ..harness.pytest_options import enter_project, take_off_path
from ..harness.result_recorder import ResultRecorder
from ..harness.test_program import run_program

_FIXTURE = re.compile(r"^(setUp|tearDown)(Class|Module) \((.+)\)$")
_STAND_INS = ("_FailedTest", "ErrorHolder")
"""What a loader (unittest's, trial's) puts in the place of a module that it could not load."""


class Result(unittest.TestResult):
    """Reports each test as it ends; a broken class or module fixture counts for its tests."""

    def __init__(self, recorder: ResultRecorder, channel: EventChannel, workspace: str) -> None:
        super().__init__()
        self._recorder = recorder
        self._channel = channel
        self._workspace = workspace
        self._running = False
        self._printed_before = 0
        self.ended: List[str] = []
        self.fixtures: Dict[str, Dict[str, Any]] = {}
        """Dotted class or module → what is to be said of its tests that did not run."""

    def startTest(self, test: Any) -> None:
        super().startTest(test)
        self._running = True
        self._printed_before = self._channel.kept_bytes()
        self._recorder.start(test.id())

    def stopTest(self, test: Any) -> None:
        super().stopTest(test)
        self._running = False
        self._recorder.end()
        self.ended.append(test.id())

    def _set(self, test: Any, **values: Any) -> None:
        if self._running:
            if self._recorder._result["outcome"] in ("passed", "skipped"):
                self._recorder._result.update(values)
            return
        fixture = _FIXTURE.match(test.id())
        if fixture is None:  # skipped without being started
            self._channel.emit("result", id=test.id(), **values)
            self.ended.append(test.id())
            return
        self.fixtures[fixture.group(3)] = values
        if fixture.group(1) == "tearDown":
            fixture_tests = [t for t in self.ended if t.startswith(fixture.group(3) + ".")]
            for test_id in fixture_tests[-1:]:
                self._channel.emit("result", id=test_id, **values)

    def _failed(self, test: Any, outcome: str, error: BaseException) -> None:
        values = failure(error, self._workspace)
        if self._running:
            values["printed"] = self._printed()
        self._set(test, outcome=outcome, **values)

    def _printed(self) -> str:
        """What the test and its fixtures printed and logged so far; its end."""
        text = self._channel.kept_output(self._printed_before).strip()
        return "Captured output:\n" + text[-MAX_PRINTED_CHARACTERS:] if text else ""

    def addError(self, test: Any, err: Any) -> None:
        # In the test itself an exception is a failure like any other, as pytest has it.
        self._failed(test, "failed" if self._running else "error", _exception(err))

    def addFailure(self, test: Any, err: Any) -> None:
        self._failed(test, "failed", _exception(err))

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        if err is not None:
            self._failed(test, "failed", _exception(err))

    def addSkip(self, test: Any, reason: str) -> None:
        self._set(test, outcome="skipped", message=cut(reason, 500))

    def addExpectedFailure(self, test: Any, err: Any) -> None:
        self._set(test, outcome="xfailed", message=message_of(_exception(err)))

    def addUnexpectedSuccess(self, test: Any) -> None:
        self._set(test, outcome="failed", message="Unexpected success")


def _exception(err: Any) -> BaseException:
    """The exception of what `sys.exc_info` gave, or of one of Twisted's failures."""
    exception = err[1] if isinstance(err, tuple) else getattr(err, "value", err)
    return exception if isinstance(exception, BaseException) else Exception(str(exception))


def flat(suite: Any) -> Iterator[Any]:
    for test in suite:
        if isinstance(test, unittest.BaseTestSuite):
            yield from flat(test)
        elif test is not None:
            yield test


def examples_in(suite: Any, workspace: str) -> List[List[str]]:
    """(id, file relative to the workspace) of what doctest made of examples in docstrings and
    texts; the file is empty where it lies elsewhere."""
    doctest = sys.modules.get("doctest")
    if doctest is None:  # nothing can have made one
        return []
    examples = []
    for test in flat(suite):
        if isinstance(test, doctest.DocTestCase):
            path = os.path.realpath(str(getattr(test._dt_test, "filename", None) or ""))
            examples.append([test.id(), inside(path, workspace) or ""])
    return examples


class Runner:
    """What the program calls with the suite it found."""

    def __init__(self, request: Dict[str, Any], channel: EventChannel) -> None:
        self._request = request
        self._channel = channel
        test_ids = request.get("ids")
        self._only: Optional[List[str]] = test_ids
        self._skip = frozenset(request.get("skip", ()))

    def run(self, suite: Any, execute: Callable[[Any, Any], Any]) -> Result:
        reasons = self._uncollected(suite)
        selection = self._chosen(suite)
        ids = [*reasons, *(test.id() for test in flat(selection))]
        workspace = self._request["workspace"]
        self._channel.emit("collected", ids=ids, examples=examples_in(selection, workspace))
        for module, reason in reasons.items():
            self._channel.emit("result", id=module, outcome="skipped", message=cut(reason, 500))
        recorder = ResultRecorder(self._request, self._channel)
        result = Result(recorder, self._channel, self._request["workspace"])
        execute(selection, result)
        for test_id in ids:
            for prefix, values in result.fixtures.items():
                if test_id not in (*result.ended, *reasons) and test_id.startswith(prefix + "."):
                    self._channel.emit("result", id=test_id, **values)
        return result

    def _uncollected(self, suite: Any) -> Dict[str, str]:
        """Tell of the modules that could not be loaded; returns module → reason for those whose
        `load_tests` skips them, which unittest counts as one skipped test."""
        reasons: Dict[str, str] = {}
        for test in list(flat(suite)):
            if type(test).__name__ not in _STAND_INS:
                continue
            error = getattr(test, "_exception", None) or _exception(getattr(test, "error", None))
            # The id of this stand-in is the module's name behind the loader's own.
            module = test.id().partition("._FailedTest.")[2] or test.id()
            if not isinstance(error, unittest.SkipTest):
                self._channel.emit("collect_error", path=module, text=cut(_load_error(error), 4000))
            elif self._is_named(module) and module not in self._skip:
                reasons[module] = str(error)
        return reasons

    def _chosen(self, suite: Any) -> Any:
        """The suites with only the chosen tests, so that class and module fixtures stay."""
        selection = unittest.TestSuite()
        for test in suite:
            if isinstance(test, unittest.BaseTestSuite):
                selection.addTest(self._chosen(test))
            elif test is not None and self._wanted(test):
                selection.addTest(test)
        return selection

    def _wanted(self, test: Any) -> bool:
        if type(test).__name__ in _STAND_INS or test.id() in self._skip:
            return False
        return self._is_named(test.id())

    def _is_named(self, test_id: str) -> bool:
        # A module may be named as a whole: which tests it has was not known before.
        names = self._only
        return names is None or any(
            test_id == name or test_id.startswith(name + ".") for name in names
        )


def _load_error(error: Any) -> str:
    """The loader's own text of an import that failed, which holds the traceback; of a `load_tests`
    it keeps the exception alone."""
    text = "".join(str(argument) for argument in getattr(error, "args", ()))
    if not isinstance(error, BaseException) or text.startswith("Failed to import"):
        return text
    return "".join(traceback.format_exception(type(error), error, error.__traceback__))


def main(request: Dict[str, Any]) -> None:
    request["workspace"] = os.path.realpath(request["workspace"])
    os.chdir(request["workspace"])
    channel = EventChannel(request["nonce"], unread=request["unread"], keep_output=True)
    editable = take_off_path(request["workspace"])
    sys.dont_write_bytecode = True
    enter_project(request, editable)
    try:
        status = run_program(request, Runner(request, channel).run)
    except BaseException:  # the program itself, before, among or after its tests
        traceback.print_exc()
        status = request["broken_status"]
    channel.emit("finished", status=status, output=channel.kept_output())
    os._exit(0)
