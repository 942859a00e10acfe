"""A process that imported and collected once and forks a child for each candidate.

Jobs come over a socket together with the descriptor the child reports on.
Python 3.8+ with pytest.
"""

from __future__ import annotations

import array
import gc
import json
import linecache
import os
import signal
import socket
import struct
import sys
import threading
from typing import Any, Dict, List, Optional, Set, Tuple

from ..harness.pytest_options import arguments, file_of, first, paths_of
from ..harness.pytest_start import run_pytest
from ..harness.test_program import has_shared_database
from .child import (
    Base,
    CandidateChild,
    ControlPipe,
    OutcomePlugin,
    Programs,
    enter_child,
    observe,
    phases,
    replace_code,
    set_address_space,
    silence_alarms,
    without_formatting,
    without_printing,
)
from .code_swap import Key, NotSwappable, Swapper, stop_watching, watch_calls
from .screening.direct_call import DirectCall, direct_call
from .screening.process_state import ProcessState
from .screening.shared_fork import SharedFork

PROGRAMS: List[Programs] = []
"""One, made by the control process before anything is forked."""
_LENGTH_FORMAT = struct.Struct("!I")


def send_job(channel: socket.socket, job: Dict[str, Any], descriptor: int) -> None:
    data = json.dumps(job).encode("ascii")
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))]
    channel.sendmsg([_LENGTH_FORMAT.pack(len(data))], rights)
    channel.sendall(data)


def receive_job(channel: socket.socket) -> Optional[Tuple[Dict[str, Any], int]]:
    """The next job, None when the control process is gone."""
    descriptors = array.array("i")
    head, ancillary, _, _ = channel.recvmsg(_LENGTH_FORMAT.size, socket.CMSG_SPACE(4))
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(data[:4])
    if len(head) < _LENGTH_FORMAT.size or not descriptors:
        return None
    (size,) = _LENGTH_FORMAT.unpack(head)
    pieces = b""
    while len(pieces) < size:
        piece = channel.recv(size - len(pieces))
        if not piece:
            return None
        pieces += piece
    return json.loads(pieces), descriptors[0]


class CollectionPlugin:
    """pytest plugin: takes over once collection is done."""

    def __init__(self, request: Dict[str, Any], watch: OutcomePlugin) -> None:
        self.request = request
        self.watch = watch
        self.wanted: Set[str] = {*request["targets"], *request["regressions"]}

    def pytest_collection_finish(self, session: Any) -> None:
        test_ids = self.wanted  # a file that could not be collected stands for all of its tests
        session.items[:] = [
            item
            for item in session.items
            if item.nodeid in test_ids or file_of(item.nodeid) in test_ids
        ]

    @first
    def pytest_runtestloop(self, session: Any) -> bool:
        items = {item.nodeid: item for item in session.items}
        self.take_over(session, items)
        os._exit(0)

    def take_over(self, session: Any, items: Dict[str, Any]) -> None:
        raise NotImplementedError


def collect(pytest: Any, import_path: Any, plugin: CollectionPlugin, test_ids: List[str]) -> None:
    """Collect the files of these tests; `plugin` never returns from its loop."""
    request = plugin.request
    paths = paths_of(test_ids, request["workspace"])
    plugins = [plugin.watch, phases(pytest, plugin.watch), plugin]
    line = [*arguments(request, paths), "-s", "-p", "no:faulthandler"]
    run_pytest(pytest, import_path, request, line, plugins)


class SharedCollection(CollectionPlugin):
    """Everything imported and collected, nothing set up: the fast way."""

    def __init__(
        self, request: Dict[str, Any], watch: OutcomePlugin, channel: socket.socket
    ) -> None:
        super().__init__(request, watch)
        self._channel = channel
        self._executed: Set[Key] = set()

    def watch_imports(self) -> None:
        watch_calls(self._executed, self.request["workspace"])

    def take_over(self, session: Any, items: Dict[str, Any]) -> None:
        stop_watching()
        without_formatting()
        swapper = self._swapper(items)
        without_printing(session.config)
        base = Base(self.request["workspace"])
        calls = self._calls(items)
        process_state = self._process_state(calls) if swapper is not None else None
        ready = {
            "ready": "fast" if swapper is not None else "exact",
            "items": len(items),
            "shared": has_shared_database(),
            "alone": _reason(process_state),
        }
        self._channel.sendall(json.dumps(ready).encode() + b"\n")
        set_address_space(self.request)
        for path in {file_of(test_id) for test_id in self.request["targets"]}:
            linecache.getlines(os.path.join(self.request["workspace"], path))
        gc.collect()
        gc.freeze()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children here
        while True:
            assignment = receive_job(self._channel)
            if assignment is None:
                return
            job, descriptor = assignment
            for candidate in job.get("members") or [job]:
                base.prepare(candidate)
            pid = os.fork()
            if pid == 0:
                self._channel.close()
                if swapper is not None and process_state is not None and job.get("members"):
                    report = self._begin(job, descriptor, session.config)
                    PROGRAMS[0].is_shared = True
                    shared = SharedFork(self.request["workspace"], report, base, swapper, calls)
                    run_shared(shared, job, process_state)
                self._child(job, descriptor, session, items, base, swapper, calls)
            os.close(descriptor)

    def _calls(self, items: Dict[str, Any]) -> Dict[str, DirectCall]:
        """Targets that can be called without pytest."""
        calls = {t: direct_call(items[t]) for t in self.request["targets"] if t in items}
        return {target: call for target, call in calls.items() if call is not None}

    def _process_state(self, calls: Dict[str, DirectCall]) -> Optional[ProcessState]:
        """What a candidate could leave behind; None where no candidate shares a fork."""
        if set(calls) != set(self.request["targets"]):
            return None
        held = [value for call in calls.values() for value in call.held]
        try:
            return ProcessState(self.request["workspace"], held)
        except Exception:  # an object of the project that cannot be looked at
            return None

    def _begin(self, job: Dict[str, Any], descriptor: int, config: Any) -> ControlPipe:
        report = begin_child(descriptor)
        enter_child(self.request, job["scratch"], config)
        PROGRAMS[0].report = report
        return report

    def _swapper(self, items: Dict[str, Any]) -> Optional[Swapper]:
        if threading.active_count() > 1 or not all(t in items for t in self.request["targets"]):
            return None
        return Swapper(self._executed, self.request["workspace"])

    def _child(
        self,
        job: Dict[str, Any],
        descriptor: int,
        session: Any,
        items: Dict[str, Any],
        base: Base,
        swapper: Optional[Swapper],
        calls: Dict[str, DirectCall],
    ) -> None:
        report = begin_child(descriptor)
        try:
            replace_code(job, base, swapper)
        except NotSwappable as reason:
            report.end(again="exact", reason=str(reason))
        except (SyntaxError, ValueError) as error:
            report.end(state="does_not_compile", results=[], signature=str(error))
        call = calls.get(job["first"]) if job.get("screen") else None
        run_job(self.request, self.watch, job, report, session.config, items, base, call)


class FreshCollection(CollectionPlugin):
    """Imports and collects the candidate itself: the exact way."""

    def __init__(
        self,
        request: Dict[str, Any],
        watch: OutcomePlugin,
        job: Dict[str, Any],
        report: ControlPipe,
    ) -> None:
        super().__init__(request, watch)
        self._job = job
        self._report = report

    def take_over(self, session: Any, items: Dict[str, Any]) -> None:
        without_formatting()
        set_address_space(self.request)
        base = Base(self.request["workspace"])
        run_job(self.request, self.watch, self._job, self._report, session.config, items, base)


def begin_child(descriptor: int) -> ControlPipe:
    os.setsid()
    silence_alarms()
    report = ControlPipe(descriptor)
    report.send(pid=os.getpid())
    return report


def _reason(state: Optional[ProcessState]) -> str:
    """Why every candidate needs a fork of its own; empty where some may share one."""
    if state is None:
        return "a failing test needs pytest around it, or nothing can be swapped"
    return (
        "what a candidate leaves behind cannot be told: " + state.unknown if state.unknown else ""
    )


def run_shared(shared: SharedFork, job: Dict[str, Any], state: ProcessState) -> None:
    """The candidates of one job, in the child. Never returns; without a last word where one of
    them ends it."""
    try:
        shared.run(job, state)
    finally:
        os._exit(1)


def run_job(
    request: Dict[str, Any],
    watch: OutcomePlugin,
    job: Dict[str, Any],
    report: ControlPipe,
    config: Any,
    items: Dict[str, Any],
    base: Base,
    call: Optional[DirectCall] = None,
) -> None:
    """The tests of one job, in the child. Never returns."""
    enter_child(request, job["scratch"], config)
    if job["mode"] != "disk":
        PROGRAMS[0].report = report
    try:
        if job.get("observe") is not None:
            end = observe(job, base, report)
            item = items.get(job["first"])
            if item is not None:
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            end()
        trial = CandidateChild(request, watch, report)
        if call is not None:
            trial.screen(job["first"], call)
        if job.get("probe") == "alone":
            trial.alone(job["first"], items)
        trial.run(items, job)
    except BaseException as error:  # KeyboardInterrupt, pytest.exit: the candidate's doing
        report.end(
            state="crashed", results=[], signature="{}: {}".format(type(error).__name__, error)
        )


def fork_warm(
    request: Dict[str, Any], pytest: Any, import_path: Any, inherited: List[int]
) -> Tuple[int, socket.socket]:
    """Start the warm zygote; returns its process id and the socket to it."""
    parent_socket, child_socket = socket.socketpair()
    pid = os.fork()
    if pid:
        child_socket.close()
        return pid, parent_socket
    parent_socket.close()
    for descriptor in inherited:
        os.close(descriptor)
    os.setsid()
    watch = OutcomePlugin(request["workspace"])
    warm = SharedCollection(request, watch, child_socket)
    # This process alone may write the cache of compiled files; the children only read it.
    sys.dont_write_bytecode = False
    warm.watch_imports()
    try:
        collect(pytest, import_path, warm, request["targets"] + request["regressions"])
    finally:
        os._exit(1)


def fork_cold(
    request: Dict[str, Any],
    job: Dict[str, Any],
    pytest: Any,
    import_path: Any,
    descriptor: int,
    inherited: List[int],
) -> int:
    """Start a child that imports and collects the candidate; returns its process id."""
    pid = os.fork()
    if pid:
        return pid
    for parent_descriptor in inherited:
        os.close(parent_descriptor)
    report = begin_child(descriptor)
    sys.dont_write_bytecode = True
    if not job.get("whole") and job.get("observe") is None and request["regressions"]:
        # Most candidates fail here, and the other test files need not be imported for that.
        request = {**request, "regressions": [], "partial": True}
    try:
        if job["mode"] == "exact":
            Base(request["workspace"]).install(job)
    except (SyntaxError, ValueError) as error:
        report.end(state="does_not_compile", results=[], signature=str(error))
    cold = FreshCollection(request, OutcomePlugin(request["workspace"]), job, report)
    try:
        collect(pytest, import_path, cold, request["targets"] + request["regressions"])
        errors = sorted(cold.watch.collect_errors.values())
        report.end(state="target_failed", results=[], signature=str(errors[:1]), targets_passed=0)
    except BaseException as error:  # the candidate ends pytest itself
        report.end(state="crashed", results=[], signature=type(error).__name__)
    finally:
        os._exit(1)
    return 0
