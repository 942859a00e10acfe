"""Guest program: run pytest and stream what happens to the host, event by event.

Events: `collected` (ids), `collect_error` (path, text), `start` (id), `result` (a test result),
`finished` (status, output). Python 3.8+ with pytest.
"""

from __future__ import annotations

import os
import traceback
from typing import Any, Dict, List, Optional

from ..harness.event_channel import EventChannel
from ..harness.outcomes import MAX_PRINTED_CHARACTERS, cut, failure, outcome_of, worse
from ..harness.pytest_options import arguments, containers_of, import_pytest, paths_of
from ..harness.pytest_start import run_pytest
from ..harness.result_recorder import ResultRecorder

INTERNAL_ERROR_EXIT_CODE = 3
"""https://docs.pytest.org/en/stable/reference/exit-codes.html"""


class Reporter(ResultRecorder):
    """pytest plugin: one `result` a test, from its three phases."""

    def __init__(self, request: Dict[str, Any], channel: EventChannel) -> None:
        super().__init__(request, channel)
        self._only: Optional[List[str]] = request.get("ids")
        self._skip = frozenset(request.get("skip", ()))
        self._called = False

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self._channel.emit(
                "collect_error", path=report.nodeid, text=cut(str(report.longrepr), 4000)
            )

    def pytest_collection_finish(self, session: Any) -> None:
        items = session.items
        if self._only is not None:
            names = frozenset(self._only)
            # A file or class may be named as a whole: which tests it has was not known before.
            items = [
                i
                for i in items
                if i.nodeid in names or not names.isdisjoint(containers_of(i.nodeid))
            ]
        items = [item for item in items if item.nodeid not in self._skip]
        session.items[:] = items
        self._channel.emit("collected", ids=[item.nodeid for item in items])

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._called = False
        self.start(nodeid)

    def phase(self, call: Any, report: Any) -> None:
        result = self._result
        self._called = self._called or call.when == "call"
        phase_outcome = outcome_of(call.when, report)
        if phase_outcome == "passed" and call.excinfo is not None:
            phase_outcome = "failed"  # whoever made the report, the test did not get to its end
        outcome = worse(result["outcome"], phase_outcome)
        if outcome != result["outcome"] and outcome in ("failed", "error"):
            text = str(report.longrepr or "")
            if call.excinfo is not None:
                result.update(failure(call.excinfo.value, self._workspace, text))
                self.failed(call.excinfo.value)
            else:
                result.update(message=cut(text, 500), details=cut(text, 8000))
            result["printed"] = _printed(report)
        elif outcome != result["outcome"]:
            result["message"] = cut(_reason(report), 500)
        result["outcome"] = outcome

    def pytest_runtest_logreport(self, report: Any) -> None:
        # Sub-tests have reports of their own under the id of the test they belong to.
        part = type(report).__name__.lower() == "subtestreport"
        if part and report.failed and self._result.get("outcome") == "passed":
            text = str(report.longrepr or "")
            last_line = text.strip().rsplit("\n", 1)[-1]
            self._result.update(
                outcome="failed", message=cut(last_line, 500), details=cut(text, 8000)
            )

    def pytest_runtest_logfinish(self) -> None:
        if self._result["outcome"] == "passed" and not self._called:
            # A hook took the test over and never ran it.
            self._result.update(outcome="error", message="the test itself was not run")
        self.end()


def _printed(report: Any) -> str:
    """What pytest captured of the test (output, log), each part under its title; its end."""
    try:
        parts = ["{}:\n{}".format(title, text.strip()) for title, text in report.sections]
    except (AttributeError, TypeError, ValueError):  # whoever made the report
        return ""
    return "\n".join(parts)[-MAX_PRINTED_CHARACTERS:]


def _reason(report: Any) -> str:
    wasxfail = getattr(report, "wasxfail", "")
    if wasxfail:
        return str(wasxfail)
    longrepr = report.longrepr
    return str(longrepr[2]) if isinstance(longrepr, tuple) else str(longrepr or "")


def phases(pytest: Any, reporter: Reporter) -> Any:
    """The part of the plugin that needs pytest's own decorator."""

    class Phases:
        @pytest.hookimpl(hookwrapper=True, tryfirst=True)  # type: ignore[untyped-decorator]
        def pytest_runtest_makereport(self, item: Any, call: Any) -> Any:
            style = item.config.option.tbstyle
            if call.excinfo is not None and call.excinfo.errisinstance(RecursionError):
                # pytest's own styles compare the locals of every frame: slow, and project code.
                item.config.option.tbstyle = "native"
            outcome = yield
            item.config.option.tbstyle = style
            reporter.phase(call, outcome.get_result())

    return Phases()


def run(request: Dict[str, Any], kind: Any) -> None:
    """Run pytest with a reporter of this kind and end the process."""
    request["workspace"] = os.path.realpath(request["workspace"])
    os.chdir(request["workspace"])
    channel = EventChannel(request["nonce"], unread=request["unread"], keep_output=True)
    pytest, import_path = import_pytest(request)
    ids = request.get("ids")
    paths = request.get("args", []) if ids is None else paths_of(ids, request["workspace"])
    reporter = kind(request, channel)
    status = 5
    if ids is None or paths:
        plugins = [reporter, phases(pytest, reporter)]
        line = arguments(request, paths)
        try:
            status = run_pytest(pytest, import_path, request, line, plugins)
        except Exception:  # pytest does not catch what a conftest.py or a plugin does early
            traceback.print_exc()
            status = INTERNAL_ERROR_EXIT_CODE
    channel.emit("finished", status=status, output=channel.kept_output())
    os._exit(0)


def main(request: Dict[str, Any]) -> None:
    run(request, Reporter)
