"""Guest program: the control process of the evaluator.

It imports pytest and the plugins but nothing of the project, keeps a warm zygote that did, gives
each candidate to a child of one or the other, and owns every deadline. Python 3.8+ with pytest.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import time
from typing import Any, Dict, List, Optional, Tuple

from ..harness.event_channel import EventChannel
from ..harness.pytest_options import import_pytest
from ..harness.source import apply_edits, by_path, read_source
from .backlog import Backlog
from .child import GOOD_OUTCOMES, Programs
from .regression_order import RegressionOrder
from .screening.sharing import Sharing
from .time_limits import NEVER_SECONDS, RunningChild, TimeLimits, load
from .warmup import warm_up
from .zygote import PROGRAMS, fork_cold, fork_warm, send_job

CHILD_START_SECONDS = 60.0
"""For a fork, an import and a collection before the first test."""
TEARDOWN_SECONDS = 10.0
MAX_RESTARTS = 5
MAX_PROBED_TARGETS = 50


class Control:
    """Queue in, results out."""

    def __init__(self, request: Dict[str, Any], channel: EventChannel) -> None:
        self._request = request
        self._channel = channel
        self._pytest, self._import_path = import_pytest(request)
        self._backlog = Backlog()
        self._running: Dict[int, RunningChild] = {}
        self._limits = TimeLimits(request)
        self._regressions = frozenset(request["regressions"]) - frozenset(request["targets"])
        self._first: Optional[str] = None
        self._lead = RegressionOrder(request["regressions"], request["others"])
        self._agree: Dict[str, bool] = {}
        self._base_failures: Dict[str, Dict[str, str]] = {}
        """Target → how it fails on the base, "full" under pytest and "screen" without it."""
        self._told: Dict[str, str] = {}
        """The second of these → the first: what is no change must not look like one."""
        self._sharing = Sharing(request["targets"], request["members"])
        self._failures: Dict[str, Any] = {}
        self._seen: Dict[str, int] = {}
        self._warm: Optional[socket.socket] = None
        self._warm_pid = 0
        self._state = "starting"
        self._restarts = 0
        self._changed: Dict[str, bytes] = {}
        self._scratch = tempfile.mkdtemp(prefix="repair-evaluator-")
        self._serial = 0
        sys.pycache_prefix = os.path.join(self._scratch, "pycache")
        warm_up(self._pytest, self._scratch, [])
        PROGRAMS.append(Programs())
        self._start_warm()

    def serve(self) -> None:
        """Take jobs and report their results until stdin ends."""
        for message in self._channel.unread():
            self._take(message)
        while True:
            self._dispatch()
            sources: List[Any] = [self._channel.input, *self._running]
            if self._warm is not None:
                sources.append(self._warm)
            wait_seconds = self._until_deadline()
            readable = select.select(sources, [], [], wait_seconds)[0]
            for source in readable:
                if source is self._warm:
                    self._hear_warm()
                elif source == self._channel.input:
                    for message in self._channel.lines():
                        self._take(message)
                elif source in self._running:
                    self._hear(self._running[source])
            self._enforce()

    def close(self) -> None:
        for child in list(self._running.values()):
            self._finish(child)
        if self._warm_pid:
            _kill(self._warm_pid)
        self._restore()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _take(self, message: Dict[str, Any]) -> None:
        if message.get("cancel"):
            self._backlog.forget_candidates()
            for child in self._running.values():
                child.job["cancelled"] = True
            return
        message["mode"] = "fast"
        self._backlog.add(message)

    # The warm zygote

    def _start_warm(self) -> None:
        descriptors = [self._channel.input, self._channel.output]
        self._warm_pid, self._warm = fork_warm(
            self._request, self._pytest, self._import_path, descriptors
        )
        self._state = "starting"

    def _hear_warm(self) -> None:
        assert self._warm is not None
        data = self._warm.recv(4096)
        if data:
            message = json.loads(data)
            self._state = message["ready"]
            if message["shared"]:
                self._request["workers"] = 1  # two candidates would wait for each other's locks
            self._sharing.is_possible = not message["alone"]
            self._channel.emit(
                "ready", state=self._state, items=message["items"], alone=message["alone"]
            )
            if self._state == "fast" and not self._failures:
                for target in self._request["targets"][:MAX_PROBED_TARGETS]:
                    self._probe(target)
            return
        self._warm.close()
        self._warm = None
        _kill(self._warm_pid)
        os.waitpid(self._warm_pid, 0)
        was_fast = self._state == "fast"
        self._state, self._warm_pid = "exact", 0
        if was_fast and self._restarts < MAX_RESTARTS:
            self._restarts += 1
            self._start_warm()
        else:
            self._channel.emit("ready", state="exact", items=0, alone="nothing can be swapped")

    # Children

    def _dispatch(self) -> None:
        while self._state != "starting":
            if self._changed or len(self._running) >= self._request["workers"]:
                return
            job = self._backlog.first()
            if job is None:
                return
            if job["mode"] == "fast" and self._state != "fast":
                job["mode"] = "exact"
            if job["mode"] == "disk" and self._running:
                return  # it changes the files that the others read
            self._start(self._shared() or self._backlog.take())

    def _shared(self) -> Optional[Dict[str, Any]]:
        """The next candidates as one job, None where the next job runs alone."""
        if self._state != "fast" or not self._sharing.is_ready():
            return None
        free_workers = self._request["workers"] - len(self._running)
        size = self._sharing.size(self._backlog.waiting, free_workers)
        members: List[Dict[str, Any]] = []
        while len(members) < size:
            job = self._backlog.first()
            if job is None or not self._sharing.takes(job):
                break
            members.append(self._backlog.take())
        if len(members) == 1:
            self._backlog.put_back(members.pop())
        return self._sharing.job(members) if members else None

    def _start(self, job: Dict[str, Any]) -> None:
        self._serial += 1
        job["scratch"] = os.path.join(self._scratch, str(self._serial))
        os.mkdir(job["scratch"])
        job["first"] = job.get("only") or self._first or self._request["targets"][0]
        job["lead"], job["left_out"] = self._lead.first, self._lead.left_out
        job["screen"] = self._screens(job)
        inner, outer = os.pipe()
        child = RunningChild(job, inner, CHILD_START_SECONDS)
        if job["mode"] == "fast" and self._warm is not None:
            try:
                send_job(self._warm, job, outer)
            except OSError:
                job["mode"] = "exact"
        if job["mode"] != "fast":
            if job["mode"] == "disk":
                self._change(job)
            descriptors = [self._channel.input, self._channel.output, *self._running, inner]
            child.pid = fork_cold(
                self._request, job, self._pytest, self._import_path, outer, descriptors
            )
            child.own = True
        os.close(outer)
        self._running[inner] = child

    def _screens(self, job: Dict[str, Any]) -> bool:
        """Whether the quick screen comes first for this candidate."""
        if job["mode"] != "fast" or job.get("full") or job.get("observe") is not None:
            return False
        if self._request.get("thorough") or job.get("probe") or job.get("members"):
            return bool(job.get("probe") == "screen")
        return self._agree.get(job["first"], False)

    def _hear(self, child: RunningChild) -> None:
        piece = os.read(child.descriptor, 1 << 16)
        *lines, child.buffer = (child.buffer + piece).split(b"\n")
        for line in lines:
            message = json.loads(line)
            self._note(child, message)
            if "pid" in message:
                child.pid = message["pid"]
            elif "start" in message:
                child.test = message["start"]
                child.allow(*self._limit(child.job, message["start"]))
            elif "member" in message:
                child.member = message["member"]
            elif "shared" in message:
                self._end_shared(child, message)
                return
            elif "again" in message:
                self._again(child, message["again"])
                return
            else:
                self._done(child, message)
                return
        if not piece:
            moment = "in {}".format(child.test) if child.test else "before the first test"
            signature = "the interpreter ended " + moment
            self._done(child, {"state": "crashed", "signature": signature, **self._passed(child)})

    def _note(self, child: RunningChild, message: Dict[str, Any]) -> None:
        for test_id, outcome, seconds in message.get("results", ()):
            child.results[test_id] = outcome
            if outcome in GOOD_OUTCOMES or child.job.get("probe"):
                self._limits.ran(test_id, seconds)
        if message.get("results"):
            # Until it says what comes next it is tearing down.
            child.allow(NEVER_SECONDS, TEARDOWN_SECONDS)

    def _limit(self, job: Dict[str, Any], test_id: str) -> Tuple[float, float]:
        """What a regression takes alone on the base is found out with all the time there is."""
        if job.get("probe") == "alone":
            most = self._request["test_timeout_seconds"]
            return most, load() * most
        if job.get("members"):
            return self._limits.screened(test_id)
        return self._limits.of(test_id, bool(job.get("patient")))

    def _again(self, child: RunningChild, mode: str) -> None:
        self._finish(child)
        if child.job.get("probe", "alone") != "alone":
            self._backlog.answered()
            return
        if child.job.get("members"):
            self._put_back(child.job, self._sharing.broken(child.job, child.member, mode))
            return
        if mode in ("full", "whole"):
            child.job[mode] = True
        else:
            child.job["mode"] = mode
        self._backlog.put_back(child.job)

    def _probe(self, target: str) -> None:
        """Run the base both ways: only where they fail alike is the quick screen used."""
        for probe_kind in ("full", "screen"):
            self._ask_base(target, probe_kind)

    def _ask_base(self, test_id: str, probe_kind: str) -> None:
        self._backlog.ask(
            {
                **{"number": -1, "mode": "fast", "edits": [], "only": test_id, "probe": probe_kind},
                "patient": probe_kind == "full",  # what it takes is learnt from that run
                "whole": probe_kind
                == "alone",  # else a cold child collects the targets' files only
            }
        )

    def _probed(self, child: RunningChild, message: Dict[str, Any]) -> None:
        self._backlog.answered()
        if child.job["probe"] == "alone":
            self._lead.decide(child.job["only"], message["state"] == "passed")
            return
        target, text = child.job["only"], message.get("signature", "")
        # Without pytest around it a comparison is explained in fewer words.
        comparison = text.partition(":")[0], text.rpartition(" @ ")[2]
        base_comparison = self._failures.setdefault(target, comparison)
        if len(child.results) and message["state"] == "target_failed":
            self._seen[target] = self._seen.get(target, 0) + 1
            self._agree[target] = comparison == base_comparison and self._seen[target] == 2
            self._base_failures.setdefault(target, {})[child.job["probe"]] = text
            texts = self._base_failures[target]
            if self._agree[target] and len(texts) == 2:
                self._sharing.expect(target, texts["screen"])
                self._told[texts["screen"]] = texts["full"]

    def _done(self, child: RunningChild, message: Dict[str, Any]) -> None:
        self._finish(child)
        if child.job.get("probe"):
            self._probed(child, message)
            return
        if child.job.get("members"):
            self._put_back(child.job, self._sharing.broken(child.job, child.member, "alone"))
            return
        if message["state"] == "crashed" and child.test is not None:
            child.results.setdefault(child.test, "crashed")
        is_failure = message["state"] in ("regressed", "timed_out", "crashed")
        failed_test = self._lead.doubtful(child.results) if is_failure else None
        if failed_test is not None:
            self._backlog.put_back(child.job)
            if self._lead.to_ask(failed_test):
                self._ask_base(failed_test, "alone")
            return
        self._learn(child, message["state"])
        seconds = time.monotonic() - child.began
        self._tell(child.job, message, child.results, seconds, child.job["mode"])

    def _end_shared(self, child: RunningChild, message: Dict[str, Any]) -> None:
        self._finish(child)
        outcome = self._sharing.ended(child.job, message)
        for job, verdict in outcome.decided:
            results = {test_id: result for test_id, result, _ in verdict["results"]}
            self._tell(job, verdict, results, verdict.get("seconds", 0.0), "shared")
        self._put_back(child.job, outcome.again)

    def _put_back(self, shared: Dict[str, Any], jobs: List[Dict[str, Any]]) -> None:
        """Members of a fork that have to run again, before the other candidates."""
        for job in reversed([] if shared.get("cancelled") else jobs):
            self._backlog.put_back(job)

    def _tell(
        self,
        job: Dict[str, Any],
        message: Dict[str, Any],
        results: Dict[str, str],
        seconds: float,
        mode: str,
    ) -> None:
        signature = message.get("signature", "")
        self._channel.emit(
            "evaluated",
            number=job["number"],
            state=message["state"],
            outcomes=results,
            signature=self._told.get(signature, signature),
            targets_passed=message.get("targets_passed", 0),
            seconds=seconds,
            mode=mode,
            shares=self._sharing.is_ready(),
            observed=message.get("observed"),
        )

    def _learn(self, child: RunningChild, state: str) -> None:
        """The target that told a candidate from a fix comes first from now on, where the others
        do not run as well."""
        if self._request.get("thorough"):
            return
        if state in ("target_failed", "timed_out", "crashed") and child.results:
            for test_id in self._request["targets"]:
                if child.results.get(test_id, "passed") not in ("passed", "xpassed"):
                    if child.results.get(test_id) != "timed_out":
                        self._first = test_id

    def _finish(self, child: RunningChild) -> None:
        """Kill the child with all it started, and take its traces away."""
        self._running.pop(child.descriptor, None)
        os.close(child.descriptor)
        if child.pid is not None:
            _kill(child.pid)
            if child.own:
                os.waitpid(child.pid, 0)
        self._restore()
        try:
            os.rmdir(child.job["scratch"])
        except OSError:
            shutil.rmtree(child.job["scratch"], ignore_errors=True)

    # Deadlines

    def _until_deadline(self) -> Optional[float]:
        if not self._running:
            return None
        soonest = min(child.deadline for child in self._running.values())
        return max(0.0, soonest - time.monotonic())

    def _enforce(self) -> None:
        clock_seconds = time.monotonic()
        for child in list(self._running.values()):
            if not child.over(clock_seconds):
                continue
            if child.pid is None and self._warm_pid:
                _kill(self._warm_pid)  # it no longer forks: a new one is started
            if child.test is not None:
                child.results[child.test] = "timed_out"
            signature = "timed out in {}".format(child.test)
            self._done(child, {"state": "timed_out", "signature": signature, **self._passed(child)})

    def _passed(self, child: RunningChild) -> Dict[str, int]:
        """How many targets passed in a child that did not come to its end. A regression runs once
        all of them did."""
        targets = self._request["targets"]
        if child.test in self._regressions:
            return {"targets_passed": len(targets)}
        outcomes = [child.results.get(test_id) for test_id in targets]
        return {"targets_passed": sum(outcome in ("passed", "xpassed") for outcome in outcomes)}

    # Candidates whose tests start Python programs of their own

    def _change(self, job: Dict[str, Any]) -> None:
        for path, edits in by_path([tuple(edit) for edit in job["edits"]]).items():
            absolute = os.path.join(self._request["workspace"], path)
            with open(absolute, "rb") as file:
                self._changed[absolute] = file.read()
            text, encoding = read_source(absolute)
            with open(absolute, "wb") as file:
                file.write(apply_edits(text, edits).encode(encoding, "replace"))

    def _restore(self) -> None:
        for absolute, content in self._changed.items():
            with open(absolute, "wb") as file:
                file.write(content)
        self._changed.clear()


def _kill(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return


def main(request: Dict[str, Any]) -> None:
    request["workspace"] = os.path.realpath(request["workspace"])
    os.chdir(request["workspace"])
    channel = EventChannel(request["nonce"], unread=request["unread"])
    control = Control(request, channel)
    try:
        control.serve()
    except EOFError:
        pass
    finally:
        control.close()
    os._exit(0)
