"""A service of real processes that a test can hurt: Redis, a database, nodes of workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from agent.records import RepairJob
from agent.runs.folder import new_run_id
from tests.faults import short_lease  # noqa: F401 - these settings, too
from tests.support.services import RedisServer, kill_tree
from workers.config import ServiceSettings
from workers.records import JobRequest, JobState
from workers.store.store import Store, open_store

HERE = Path(__file__).parent
PROBE_WORKER = (str(HERE / "probe.py"),)
SHORT_LEASE = str(HERE / "short_lease.py")
REAL_WORKER = (SHORT_LEASE, "workers.queue.worker", "--processes")
SWEEPER = (SHORT_LEASE, "workers.queue.sweeper")
LIVE = (JobState.QUEUED, JobState.RUNNING, JobState.WAITING)


@dataclass(eq=False)
class Program:
    """A process that is started again when it ended, as a supervisor does."""

    argv: tuple[str, ...]
    environment: dict[str, str]
    log: Path
    within: tuple[str, ...] = ()
    """The words before it: on which machine it runs."""
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0

    def start(self) -> None:
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [*self.within, sys.executable, *self.argv],
                env=self.environment,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self.starts += 1

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def children(self) -> list[int]:
        """The processes of its pool."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[1]) == self.pid and fields[0] != "Z":
                found.append(int(stat.parent.name))
        return found

    def end(self, number: signal.Signals = signal.SIGKILL, seconds: float = 45.0) -> None:
        """As the supervisor does: what does not end in time (a child is asleep, say) is killed."""
        if self.process is None:
            return
        if self.alive:
            self.process.send_signal(number)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        kill_tree(self.process.pid)


@dataclass(eq=False)
class Cluster:
    """The pieces, and what a test does with them."""

    folder: Path
    redis: RedisServer
    database_url: str
    extra: dict[str, str] = field(default_factory=dict)
    programs: list[Program] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.folder / "world").mkdir(parents=True)
        values = {
            "state_dir": str(self.folder / "state"),
            "database_url": self.database_url,
            "redis_url": self.redis.url,
            "lease_seconds": "8",
            "heartbeat_seconds": "2",
            "sweep_seconds": "1",
            "relay_seconds": "0.2",
            "max_crashes": "50",
            "max_jobs_per_repository": "1000",
            "max_running_per_repository": "3",
            **self.extra,
        }
        named = {f"REPAIR_{name.upper()}": value for name, value in values.items()}
        self.environment = {
            **os.environ,
            **named,
            "PROBE_WORLD": str(self.folder / "world"),
            "PYTHONPATH": str(HERE.parents[1]),
        }
        self.settings = ServiceSettings(**values)  # type: ignore[arg-type]
        self.store: Store = open_store(self.settings)
        self.store.migrate()

    def add(self, *argv: str, within: tuple[str, ...] = (), **environment: str) -> Program:
        log = self.folder / f"{len(self.programs)}.log"
        program = Program(argv, {**self.environment, **environment}, log, within)
        program.start()
        self.programs.append(program)
        return program

    def tend(self) -> None:
        """Start again what ended."""
        for program in self.programs:
            if not program.alive:
                program.start()

    def submit(
        self, seconds: float, repository: str = "r", words: str = "", **fields: object
    ) -> str:
        target = f"probe:{seconds}{words}"
        repair = RepairJob(run_id=new_run_id(), target=target)
        request = JobRequest(repair=repair, repository=repository, **fields)  # type: ignore[arg-type]
        return self.store.submit(request).job.id

    def wait(self, condition: Callable[[], bool], seconds: float, tend: bool = True) -> float:
        """Wait for it; returns how long that took."""
        began = time.monotonic()
        while not condition():
            assert time.monotonic() - began < seconds, f"not within {seconds} s\n{self.report()}"
            if tend:
                self.tend()
            time.sleep(0.2)
        return time.monotonic() - began

    def idle(self) -> bool:
        counts = self.store.counts()
        return not any(counts[state] for state in LIVE)

    def state(self, job_id: str) -> JobState:
        return self.store.job(job_id).state

    def marks(self, job_id: str) -> int:
        """How often the job's side effect happened."""
        path = self.folder / "world" / job_id
        return len(path.read_text().splitlines()) if path.exists() else 0

    def lives(self, job_id: str) -> list[tuple[float, float]]:
        """From when to when each run of the job lived that was not killed, by start."""
        path = self.folder / "world" / f"{job_id}.lives"
        lines = path.read_text().splitlines() if path.exists() else []
        return sorted((float(a), float(b)) for a, b in (line.split() for line in lines))

    def kinds(self, job_id: str) -> list[str]:
        return [event.kind for event in self.store.events(job_id)]

    def report(self) -> str:
        lines = [str(dict(self.store.counts()))]
        for job in self.store.jobs(states=LIVE, limit=10):
            lines.append(f"{job.id} {job.state} {job.reason} crashes={job.crashes}")
        for program in self.programs:
            lines.append(f"{program.argv}: {program.log.read_text(errors='replace')[-1500:]}")
        return "\n".join(lines)

    def close(self) -> None:
        for program in self.programs:
            program.end()
        self.store.close()
