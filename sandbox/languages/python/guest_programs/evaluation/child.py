"""What one forked child does: put the candidate in place, run the tests, report, end.

Python 3.8+ with pytest.
"""

from __future__ import annotations

import json
import linecache
import os
import pathlib
import re
import resource
import signal
import sys
import tempfile
import time
from types import CodeType, FunctionType
from typing import Any, Callable, Dict, List, Optional, Tuple

from ..harness.outcomes import cut, inside, message_of, outcome_of, whole_walk, worse
from ..harness.source import Edit, apply_edits, by_path, override, read_source
from .code_swap import NotSwappable, SourceMap, Swapper
from .screening.direct_call import DirectCall, Unclear
from .visits import EndVisits, Visits

_STARTS_A_PROGRAM = ("os.system", "os.exec", "os.posix_spawn", "os.spawn")
_STARTS = frozenset(["os.fork", "os.forkpty", "subprocess.Popen", *_STARTS_A_PROGRAM])
"""Audit events of what starts another process."""
GOOD_OUTCOMES = ("passed", "xpassed", "xfailed")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")
_write = os.write
_exit = os._exit


class ControlPipe:
    """Sends messages, one line of JSON each, on the pipe to the control process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def send(self, **message: Any) -> None:
        line = json.dumps(message).encode("ascii") + b"\n"
        while line:
            line = line[_write(self._descriptor, line) :]

    def end(self, **message: Any) -> None:
        self.send(**message)
        _exit(0)


class OutcomePlugin:
    """pytest plugin: outcome and failure of the test that runs now."""

    def __init__(self, workspace: str) -> None:
        self._workspace = workspace
        self.outcome = "passed"
        self.signature = ""
        self.collect_errors: Dict[str, str] = {}

    def begin(self) -> None:
        self.outcome, self.signature = "passed", ""

    def phase(self, call: Any, report: Any) -> None:
        earlier_outcome, self.outcome = (
            self.outcome,
            worse(self.outcome, outcome_of(call.when, report)),
        )
        if earlier_outcome != self.outcome and self.outcome not in GOOD_OUTCOMES:
            error = call.excinfo.value if call.excinfo is not None else None
            text = self.outcome if error is None else signature_of(error, self._workspace)
            self.signature = text

    def pytest_runtest_logreport(self, report: Any) -> None:
        part = type(report).__name__.lower() == "subtestreport"
        if part and report.failed and self.outcome == "passed":
            self.outcome, self.signature = "failed", cut(str(report.longrepr), 300)

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            lines = str(report.longrepr).strip().split("\n")
            self.collect_errors[report.nodeid] = cut("\n".join(lines[-2:]), 400)


def signature_of(error: BaseException, workspace: str) -> str:
    """What a failure looks like, whatever line numbers and addresses are."""
    position = ""
    for frame, line in reversed(whole_walk(error)):
        name = frame.f_code.co_filename
        if inside(name, workspace) is not None:
            position = "{}: {}".format(frame.f_code.co_name, linecache.getline(name, line).strip())
            break
    text = "{} @ {}".format(message_of(error), position)
    return cut(" ".join(_ADDRESS.sub("0x", text).split()), 400)


def phases(pytest: Any, watch: OutcomePlugin) -> Any:
    class Phases:
        @pytest.hookimpl(hookwrapper=True, tryfirst=True)  # type: ignore[untyped-decorator]
        def pytest_runtest_makereport(self, call: Any) -> Any:
            outcome = yield
            watch.phase(call, outcome.get_result())

    return Phases()


def without_formatting() -> None:
    """Have pytest format no tracebacks: nobody reads them here, and printing them costs more than
    most tests."""
    from _pytest import nodes

    node: Any = nodes.Node
    node._repr_failure_py = lambda *_, **__: ""


def without_printing(config: Any) -> None:
    """The terminal reporter stays, since plugins ask it for things, but prints no progress."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    for name in ("pytest_runtest_logstart", "pytest_runtest_logreport", "pytest_runtest_logfinish"):
        try:
            getattr(config.hook, name)._remove_plugin(reporter)
        except (AttributeError, ValueError):
            continue


def enter_child(request: Dict[str, Any], scratch: str, config: Any) -> None:
    """Own process group, own temporary folder, own limits."""
    os.environ["TMPDIR"] = scratch
    tempfile.tempdir = None
    factory = getattr(config, "_tmp_path_factory", None)
    if factory is not None and hasattr(factory, "_given_basetemp"):
        factory._given_basetemp = pathlib.Path(scratch) / "pytest"
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if request.get("address_space"):
        resource.setrlimit(resource.RLIMIT_AS, (request["address_space"],) * 2)


def set_address_space(request: Dict[str, Any]) -> None:
    """Set the address space of a child in the request: what this process uses, and the candidate's
    own share."""
    limit = request.get("memory_bytes")
    if limit and sys.platform == "linux":
        with open("/proc/self/statm") as file:
            used_bytes = int(file.read().split()[0]) * resource.getpagesize()
        request["address_space"] = used_bytes + limit


class Replaced:
    """Code of the base that a candidate took the place of."""

    def __init__(self) -> None:
        self._codes: List[Tuple[FunctionType, CodeType]] = []
        self._sources: Dict[str, Any] = {}

    def take(self, source: SourceMap, edits: List[Edit], codes: Any) -> None:
        """Note what was replaced in one file. Tracebacks show its edited text from now on, put
        together only when asked for."""
        self._codes += codes
        self._sources[source.path] = linecache.cache.get(source.path)
        linecache.cache[source.path] = (lambda: apply_edits(source.text, edits),)

    def undo(self) -> None:
        for function, code in self._codes:
            function.__code__ = code
        for path, entry in self._sources.items():
            linecache.cache.pop(path, None)
            if entry is not None:
                linecache.cache[path] = entry


def replace_code(job: Dict[str, Any], base: "Base", swapper: Optional[Swapper]) -> Replaced:
    """Apply the candidate in this process. Raises SyntaxError or ValueError when it does not
    compile, NotSwappable when only a fresh import is exact; then all is as it was."""
    if swapper is None:
        raise NotSwappable("nothing is imported here")
    replaced = Replaced()
    try:
        for path, edits in by_path([tuple(edit) for edit in job["edits"]]).items():
            source = base.map(path)
            replaced.take(source, edits, _swap(swapper, source, edits))
    except (NotSwappable, SyntaxError, ValueError):
        replaced.undo()
        raise
    return replaced


def _swap(
    swapper: Swapper, source: SourceMap, edits: List[Edit]
) -> List[Tuple[FunctionType, CodeType]]:
    try:
        return swapper.swap(source, edits)
    except (SyntaxError, ValueError):
        # The snippet alone may be wrong where the file is right: let the file decide.
        text = apply_edits(source.text, edits)
        compile(text, source.path, "exec", dont_inherit=True)
        raise NotSwappable("only the whole file compiles") from None


class Base:
    """The files of the base, parsed once."""

    def __init__(self, workspace: str) -> None:
        self._workspace = workspace
        self._maps: Dict[str, SourceMap] = {}

    def absolute(self, path: str) -> str:
        return os.path.join(self._workspace, path)

    def map(self, path: str) -> SourceMap:
        """Return the source map of one file of the base.

        Raises NotSwappable when the base itself cannot be parsed.
        """
        if path not in self._maps:
            try:
                self._maps[path] = SourceMap(self.absolute(path))
            except (SyntaxError, ValueError, OSError) as error:
                raise NotSwappable("the base cannot be parsed") from error
        return self._maps[path]

    def prepare(self, job: Dict[str, Any]) -> None:
        """Parse what the candidate touches, in the process that lives on."""
        for path in {edit[0] for edit in job["edits"]}:
            try:
                self.map(path)
            except NotSwappable:
                continue

    def install(self, job: Dict[str, Any]) -> None:
        """Have the importer take the candidate's text. Raises SyntaxError or ValueError."""
        texts = {}
        for path, edits in by_path([tuple(edit) for edit in job["edits"]]).items():
            absolute = self.absolute(path)
            texts[absolute] = apply_edits(read_source(absolute)[0], edits)
            compile(texts[absolute], absolute, "exec", dont_inherit=True)
        override(texts)


class Programs:
    """A Python started by a test would read the unchanged file: such a candidate is run again
    with the file really changed. Installed once, before the fork; armed in the child."""

    def __init__(self) -> None:
        self.report: Optional[ControlPipe] = None
        self.is_shared = False
        """Whether other candidates come after this one, in the same process."""
        sys.addaudithook(self._audit)

    def _audit(self, event: str, arguments: Any) -> None:
        if self.report is None:
            return
        if self.is_shared and event in _STARTS:
            self.report.end(again="alone")
        if event == "subprocess.Popen" and reads_python(arguments[0], arguments[1]):
            self.report.end(again="disk")
        elif event in _STARTS_A_PROGRAM:
            self.report.end(again="disk")


def reads_python(executable: Any, argv: Any) -> bool:
    """Whether a program may run Python code: scripts and shells may, other binaries do not."""
    import shutil

    name = os.fsdecode(executable or (argv[0] if argv else ""))
    if os.path.basename(name).startswith(("python", "pypy", "sh", "bash", "dash", "zsh", "env")):
        return True
    path = name if os.sep in name else shutil.which(name)
    try:
        with open(path or name, "rb") as file:
            return file.read(4) != b"\x7fELF"
    except OSError:
        return False


class CandidateChild:
    """Runs the tests of one job in this process."""

    def __init__(self, request: Dict[str, Any], watch: OutcomePlugin, report: ControlPipe) -> None:
        self._request = request
        self._watch = watch
        self._report = report
        self.outcomes: List[Tuple[str, str, float]] = []
        """Test, outcome, seconds on a processor: what a busy machine does not change."""
        self.signature = ""
        self.passed = 0

    def screen(self, test_id: str, call: DirectCall) -> None:
        """Run one target without pytest around it; ends the process when it fails."""
        self._report.send(start=test_id)
        start_seconds = time.process_time()
        try:
            error = call.run()
        except Unclear:
            error = None
        if error is None:
            self._report.end(again="full")
            return
        self.outcomes.append((test_id, "failed", time.process_time() - start_seconds))
        self.signature = signature_of(error, self._request["workspace"])
        self._end("target_failed")

    def alone(self, test_id: str, items: Dict[str, Any]) -> None:
        """Run one test. Ends the process."""
        good = self._one(test_id, items.get(test_id), []) in GOOD_OUTCOMES
        self._report.end(state="passed" if good else "target_failed", results=self.outcomes[-1:])

    def run(self, items: Dict[str, Any], job: Dict[str, Any]) -> None:
        """Targets, then regressions while everything passes. Ends the process."""
        targets = self.targets(job["first"], items)
        lead = {test_id: rank for rank, test_id in enumerate(job["lead"])}
        regressions = tests_of(self._request["regressions"], items)
        regressions = [test_id for test_id in regressions if test_id not in job["left_out"]]
        regressions.sort(key=lambda test_id: lead.get(test_id, len(lead)))
        thorough = self._request.get("thorough", False)
        sequence = targets + [test_id for test_id in regressions if test_id not in targets]
        for position, test_id in enumerate(sequence):
            if position == len(targets) and self.passed < len(targets):
                break
            next_items = [
                items[next_id] for next_id in sequence[position + 1 :][:1] if next_id in items
            ]
            outcome = self._one(test_id, items.get(test_id), next_items)
            target = position < len(targets)
            if target and self._passed(test_id, outcome):
                self.passed += 1
            elif target and not thorough:
                self._end("target_failed")
            elif not target and outcome not in GOOD_OUTCOMES and not self._passed(test_id, outcome):
                self._end("regressed")
        self._end("passed" if self.passed == len(targets) else "target_failed")

    def _passed(self, test_id: str, outcome: str) -> bool:
        """A test that nobody saw before may also be one that is skipped."""
        required_ids = self._request["targets"] + self._request["regressions"]
        if outcome in ("skipped", "xfailed"):
            return test_id not in required_ids and test_id.partition("::")[0] in required_ids
        return outcome in ("passed", "xpassed")

    def targets(self, first_id: Optional[str], items: Dict[str, Any]) -> List[str]:
        """The target tests, with the one in front that last told a candidate from a fix."""
        targets = tests_of(self._request["targets"], items)
        if first_id in targets:
            targets.remove(first_id)
            targets.insert(0, first_id)
        return targets

    def _one(self, test_id: str, item: Any, next_items: List[Any]) -> str:
        watch = self._watch
        self._report.send(start=test_id, results=self.outcomes[-1:])
        watch.begin()
        start_seconds = time.process_time()
        if item is None:
            watch.outcome = "error"
            errors = watch.collect_errors
            watch.signature = errors.get(test_id.partition("::")[0]) or "not collected " + str(
                sorted(errors.values())[:1]
            )
        else:
            next_item = next_items[0] if next_items else None
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=next_item)
        self.outcomes.append((test_id, watch.outcome, time.process_time() - start_seconds))
        if watch.outcome not in GOOD_OUTCOMES and not self.signature:
            self.signature = watch.signature or watch.outcome
        return watch.outcome

    def _end(self, state: str) -> None:
        if state == "passed" and self._request.get("partial"):
            self._report.end(again="whole")
        self._report.end(
            state=state,
            results=self.outcomes[-1:],
            signature=self.signature,
            targets_passed=min(self.passed, len(self._request["targets"])),
        )


def tests_of(test_ids: List[str], items: Dict[str, Any]) -> List[str]:
    """Expand test ids: for a file that could not be collected in the base, the tests in it now."""
    expanded_ids: List[str] = []
    for test_id in test_ids:
        is_test = test_id in items or "::" in test_id
        file_tests = [] if is_test else [item for item in items if item.startswith(test_id + "::")]
        expanded_ids += file_tests or [test_id]
    return expanded_ids


def observe(job: Dict[str, Any], base: Base, report: ControlPipe) -> Callable[[], None]:
    """Trace the lines asked for; the function returned sends what was seen and ends."""
    lines_by_path = {
        base.absolute(path): frozenset(lines) for path, lines in job["observe"].items()
    }
    visits = EndVisits(job["hits"]) if job.get("ends") else Visits(job["hits"])

    def line(frame: Any, event: str, _argument: Any) -> Any:
        path = frame.f_code.co_filename
        if event == "line" and frame.f_lineno in lines_by_path[path]:
            visits.add(path, frame.f_lineno, frame.f_locals)
        return line

    def call(frame: Any, _event: str, _argument: Any) -> Any:
        return line if frame.f_code.co_filename in lines_by_path else None

    def end() -> None:
        sys.settrace(None)
        records = [
            {"path": inside(path, base.absolute("")), "line": number, "values": values}
            for path, number, values in visits.all()
        ]
        report.end(observed=records, state="observed", results=[], signature="", targets_passed=0)

    sys.settrace(call)
    return end


def silence_alarms() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
