"""Faults at random moments. The seed is in the report: the same seed makes the same plan."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.faults.cluster import PROBE_WORKER, SWEEPER, Cluster
from tests.support.services import PostgresServer
from workers.errors import BrokerUnavailable, StoreUnavailable
from workers.queue.app import make_app
from workers.queue.broker import Broker
from workers.records import JobState, Queue

PAUSE_SECONDS = (1.0, 5.0)
"""Between two faults: a worker takes seconds to start, and must get to work in between."""
ASLEEP_SECONDS = 12.0
"""Longer than the lease of a test's service."""


@dataclass(eq=False)
class Chaos:
    """Hurts a service, and remembers how."""

    cluster: Cluster
    seed: int
    postgres: PostgresServer | None = None
    done: Counter[str] = field(default_factory=Counter)
    killed: dict[str, float] = field(default_factory=dict)
    """Pid of a pool process → when it was killed, in seconds since the epoch."""
    _asleep: list[tuple[float, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._faults: list[tuple[str, Callable[[], None], int]] = [
            ("child killed", self._kill_child, 6),
            ("worker killed", self._kill_worker, 4),
            ("worker asked to stop", self._stop_worker, 2),
            ("sweeper killed", self._kill_sweeper, 1),
            ("child asleep past its lease", self._put_to_sleep, 2),
            ("redis killed", self._kill_redis, 1),
            ("redis wiped", self._wipe_redis, 2),
            ("garbage in the queue", self._garbage, 1),
            ("messages repeated", self._repeat, 1),
        ]
        if self.postgres is not None:
            self._faults.append(("database restarted", self._restart_database, 1))

    def run(self, until: Callable[[], bool], seconds: float) -> None:
        """One fault after another, until it is over or the time is up."""
        end = time.monotonic() + seconds
        names = [name for name, _, _ in self._faults]
        weights = [weight for _, _, weight in self._faults]
        while time.monotonic() < end and not self._quietly(until):
            time.sleep(self._random.uniform(*PAUSE_SECONDS))
            name = self._random.choices(names, weights)[0]
            next(fault for known, fault, _ in self._faults if known == name)()
            self.done[name] += 1
            self._wake(time.monotonic())
            self.cluster.tend()
        self._wake(float("inf"))
        self.cluster.tend()

    def _quietly(self, until: Callable[[], bool]) -> bool:
        try:
            return until()
        except StoreUnavailable:
            return False

    def _workers(self) -> list[int]:
        return [
            index
            for index, program in enumerate(self.cluster.programs)
            if program.argv[:1] == PROBE_WORKER and program.alive
        ]

    def _pool(self) -> list[int]:
        return [pid for i in self._workers() for pid in self.cluster.programs[i].children()]

    def _kill_child(self) -> None:
        if pool := self._pool():
            self._kill(self._random.choice(pool))

    def _kill(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.killed.setdefault(str(pid), time.time())

    def _kill_worker(self) -> None:
        if workers := self._workers():
            program = self.cluster.programs[self._random.choice(workers)]
            children = program.children()
            program.end()
            for pid in children:  # they die with it; this notes when
                self.killed.setdefault(str(pid), time.time())

    def _stop_worker(self) -> None:
        if workers := self._workers():
            self.cluster.programs[self._random.choice(workers)].end(signal.SIGTERM, 20.0)

    def _kill_sweeper(self) -> None:
        for program in self.cluster.programs:
            if program.argv == SWEEPER:
                program.end()

    def _put_to_sleep(self) -> None:
        if pool := self._pool():
            pid = self._random.choice(pool)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                self._asleep.append((time.monotonic() + ASLEEP_SECONDS, pid))

    def _wake(self, now: float) -> None:
        for due, pid in [one for one in self._asleep if one[0] <= now]:
            self._asleep.remove((due, pid))
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def _kill_redis(self) -> None:
        self.cluster.redis.kill()
        time.sleep(self._random.uniform(0, 2))
        self.cluster.redis.start()

    def _wipe_redis(self) -> None:
        self.cluster.redis.wipe()
        self.cluster.redis.start()

    def _garbage(self) -> None:
        with self.cluster.redis.client() as client:
            client.rpush("interactive", self._random.randbytes(40))

    def _repeat(self) -> None:
        broker = Broker(make_app(self.cluster.settings))
        with contextlib.suppress(BrokerUnavailable, StoreUnavailable):
            queued = self.cluster.store.jobs(states=[JobState.QUEUED, JobState.RUNNING], limit=20)
            broker.hint(Queue.INTERACTIVE, [job.id for job in queued])
        broker.close()

    def _restart_database(self) -> None:
        assert self.postgres is not None
        self.postgres.stop("immediate")
        time.sleep(self._random.uniform(0, 2))
        self.postgres.start()
