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
NEVER_SECONDS = float("inf")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class Running:
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
        self.test: Optional[str] = None
        self.results: Dict[str, str] = {}

    def allow(self, processor: float, wall: float) -> None:
        """From now on: so much time on a processor, and by the clock."""
        self.processor_end = (
            NEVER_SECONDS if processor == NEVER_SECONDS else self.used() + processor
        )
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

    def over(self, clock_seconds: float) -> bool:
        """Whether it has used up its time; one that waited for a processor gets more."""
        if self.deadline > clock_seconds:
            return False
        spare_seconds = self.processor_end - self.used()
        if clock_seconds >= self.latest or not spare_seconds > 0.0:
            return True
        self.deadline = min(self.latest, clock_seconds + max(spare_seconds, 1.0 / TICKS_PER_SECOND))
        return False


class Limits:
    """How long a test may run: tight, and learnt from the runs that passed."""

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
            return self._most, self._most
        slowest_seconds, min_seconds = self._slowest.get(test_id, 0.0), self._least
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
        return processor, max(processor, min(self._most, 0.5 + 4 * processor))

    def passed(self, test_id: str, seconds: float) -> None:
        self._slowest[test_id] = max(seconds, self._slowest.get(test_id, 0.0))
