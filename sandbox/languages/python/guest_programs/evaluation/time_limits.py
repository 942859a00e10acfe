"""How long a candidate may run: on a processor, which a busy machine does not change, and by the
clock, for one that only waits. Python 3.8+, standard library only."""

from __future__ import annotations

import bisect
import os
import time
from typing import Any, Dict, List, Optional, Tuple

MIN_TARGET_SECONDS = 0.2
PATIENT_TARGET_SECONDS = 1.0
"""Processor time for a test that nothing is known of: most that hang are loops, and many do."""
PATIENT_FACTOR = 4.0
"""How much longer a regression may take where a candidate has made every target pass."""
SCREENED_SHARE = 0.25
"""Of its usual time: in a shared fork, where what hangs is run again alone."""
MAX_LOAD = 8.0
"""A busier machine gives no more time by the clock."""
NEVER_SECONDS = float("inf")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class RunningChild:
    """A child at work."""

    def __init__(self, job: Dict[str, Any], descriptor: int, limit: float) -> None:
        self.job = job
        self.descriptor = descriptor
        self.buffer = b""
        self.pid: Optional[int] = None
        self.own = False
        """Whether it is a child of this process and must be waited for."""
        self.began = time.monotonic()
        self.deadline = self.latest = self.began + limit
        """When to look at it again, and when it ends whatever it used."""
        self.processor_end = NEVER_SECONDS
        """Seconds on a processor, since the child began, at which it ends."""
        self.waited_before = 0.0
        """Seconds it had waited for a processor when it got its time."""
        self.test: Optional[str] = None
        self.member = 0
        """Which candidate runs, in a shared fork."""
        self.results: Dict[str, str] = {}

    def allow(self, processor: float, wall: float) -> None:
        """From now on: so much time on a processor, and by the clock."""
        self.processor_end = (
            NEVER_SECONDS if processor == NEVER_SECONDS else self.used() + processor
        )
        self.waited_before = self.waited()
        self.latest = time.monotonic() + wall
        self.deadline = min(self.latest, time.monotonic() + processor)

    def used(self) -> float:
        """Seconds on a processor so far, endless where the system does not tell."""
        try:
            with open("/proc/{}/stat".format(self.pid), "rb") as file:
                user, system = file.read().rpartition(b")")[2].split()[11:13]
        except OSError:
            return NEVER_SECONDS
        return (int(user) + int(system)) / TICKS_PER_SECOND

    def waited(self) -> float:
        """Seconds for which it was ready to run and no processor was free (the run delay of
        https://docs.kernel.org/scheduler/sched-stats.html); 0 where the system does not tell."""
        try:
            with open("/proc/{}/schedstat".format(self.pid), "rb") as file:
                return int(file.read().split()[1]) / 1e9
        except (OSError, ValueError, IndexError):
            return 0.0

    def over(self, clock_seconds: float) -> bool:
        """Whether it has used up its time; one that waited for a processor gets more."""
        if self.deadline > clock_seconds:
            return False
        spare_seconds = self.processor_end - self.used()
        latest = self.latest + max(0.0, self.waited() - self.waited_before)
        if clock_seconds >= latest or not spare_seconds > 0.0:
            return True
        self.deadline = min(latest, clock_seconds + max(spare_seconds, 1.0 / TICKS_PER_SECOND))
        return False


def load() -> float:
    """How many processes there are for each processor, 1 at least: by the clock everything that a
    test waits for takes that much longer."""
    try:
        return min(MAX_LOAD, max(1.0, os.getloadavg()[0] / len(os.sched_getaffinity(0))))
    except (OSError, AttributeError):  # not on every system
        return 1.0


class TimeLimits:
    """How long a test may run: tight, and learnt from the runs that passed.

    What a test took in the baseline is only a first guess: there the tests before it had set up
    what it shares with them, and a child sets it up anew.
    """

    def __init__(self, request: Dict[str, Any]) -> None:
        self._most: float = request["test_timeout_seconds"]
        self._least: float = request["least_timeout_seconds"]
        self._slowest: Dict[str, float] = dict(request["durations"])
        self._beside: Dict[str, List[float]] = {}
        """File → seconds of the tests in it that passed, sorted."""
        for test_id in request["regressions"]:
            beside = self._beside.setdefault(test_id.partition("::")[0], [])
            bisect.insort(beside, self._slowest.get(test_id, 0.0))
        self._targets = frozenset(request["targets"])
        self._files = self._targets.union(request["regressions"])
        """With those that could not be collected: nothing is known of the tests in them."""

    def of(self, test_id: str, patient: bool) -> Tuple[float, float]:
        """Seconds on a processor and by the clock."""
        file = test_id.partition("::")[0]
        if file in self._files:
            return self._most, load() * self._most
        slowest_seconds, min_seconds = self._slowest.get(test_id, 0.0), self._least
        if patient and test_id not in self._targets:
            min_seconds = PATIENT_FACTOR * max(min_seconds, 5 * slowest_seconds)
        if test_id in self._targets:
            # It never passed: its fixed version may do more than the part that failed.
            file_seconds = self._beside.get(file) or [0.0]
            if patient:
                slowest_seconds, min_seconds = (
                    2 * max(slowest_seconds, file_seconds[-1]),
                    PATIENT_TARGET_SECONDS,
                )
            else:
                slowest_seconds, min_seconds = (
                    max(slowest_seconds, file_seconds[len(file_seconds) // 2]),
                    MIN_TARGET_SECONDS,
                )
        processor = min(self._most, max(min_seconds, 5 * slowest_seconds))
        return processor, load() * max(processor, min(self._most, 0.5 + 4 * processor))

    def screened(self, test_id: str) -> Tuple[float, float]:
        """Likewise, for a test that runs without pytest in a shared fork."""
        processor, wall = self.of(test_id, False)
        short = min(processor, max(SCREENED_SHARE * processor, 2 * self._slowest.get(test_id, 0.0)))
        return short, wall

    def ran(self, test_id: str, seconds: float) -> None:
        """Learn from a run in a child that came to its end: processor seconds."""
        self._slowest[test_id] = max(seconds, self._slowest.get(test_id, 0.0))
