"""The folder of a run in the user's state folder: job, checkpoints, journal, result, patch, log."""

from __future__ import annotations

import fcntl
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from agent.config import Settings
from agent.errors import ResultUnreadable, RunLocked, RunNotFound
from agent.records import GeneratedTest, RepairJob, RepairResult
from agent.runs.result_file import read_result
from agent.serialization import plain, restore
from sandbox.host.private_files import private_folder
from sandbox.host.untrusted_tree import remove_tree


@dataclass(frozen=True)
class RunFolder:
    """Paths of one run. Only the process that holds the lock writes here."""

    path: Path

    @property
    def run_id(self) -> str:
        return self.path.name

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints.sqlite"

    @property
    def journal(self) -> Path:
        return self.path / "tried.txt"

    @property
    def snapshot(self) -> Path:
        return self.path / "snapshot"

    @property
    def result(self) -> Path:
        return self.path / "result.json"

    @property
    def patch(self) -> Path:
        return self.path / "patch.diff"

    def generated(self, test: GeneratedTest) -> Path:
        """Where a test that the repair wrote is saved, beside the patch."""
        return self.path / PurePosixPath(test.path).name

    @property
    def log(self) -> Path:
        return self.path / "log.txt"

    def save_job(self, job: RepairJob) -> None:
        private_folder(self.path.parent)
        self.path.mkdir(mode=0o700)
        self._write_job(job)

    def ensure_job(self, job: RepairJob) -> None:
        """`save_job` where an earlier process may have been here."""
        private_folder(self.path)
        self._write_job(job)

    def _write_job(self, job: RepairJob) -> None:
        (self.path / "job.json").write_text(json.dumps(plain(job), indent=1), encoding="utf-8")

    def load_job(self) -> RepairJob:
        try:
            text = (self.path / "job.json").read_text(encoding="utf-8")
            return restore(RepairJob, json.loads(text))
        except (OSError, ValueError) as error:
            raise RunNotFound(f"the run {self.run_id} has no readable job.json: {error}") from error

    def remove(self) -> None:
        """Delete the folder of the run."""
        with suppress(OSError):
            remove_tree(self.path)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the run; released by the operating system when the process dies."""
        with (self.path / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise RunLocked(f"another process is working on run {self.run_id}") from error
            yield

    def locked(self) -> bool:
        try:
            with self.lock():
                return False
        except (RunLocked, OSError):
            return True


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """One row of `repair list`."""

    run_id: str
    target: str
    status: str
    """A `Status`, or `running` or `interrupted`."""
    started: float
    """Seconds since the epoch."""
    seconds: float
    patch: str
    """The chosen edit in one line; empty without one."""


def new_run_id() -> str:
    """Sortable by time, unique without a registry: `20261122-103000-3fa2b1c8`.

    A service takes in hundreds of jobs within one second.
    """
    return time.strftime("%Y%m%d-%H%M%S", time.gmtime()) + "-" + secrets.token_hex(4)


def run_folder(settings: Settings, run_id: str) -> RunFolder:
    """The folder of an existing run. Raises RunNotFound."""
    folder = runs_root(settings) / run_id
    if Path(run_id).name != run_id or not folder.is_dir():
        raise RunNotFound(f"there is no run {run_id!r}; `repair list` shows the runs")
    return RunFolder(folder)


def new_folder(settings: Settings, run_id: str) -> RunFolder:
    for folder in (settings.state_dir, runs_root(settings)):
        private_folder(folder)
    return RunFolder(runs_root(settings) / run_id)


def runs_root(settings: Settings) -> Path:
    return settings.state_dir / "runs"


def list_runs(settings: Settings) -> list[RunSummary]:
    """All runs of this state folder, newest first; damaged ones are left out."""
    root = runs_root(settings)
    folders = sorted(root.iterdir(), reverse=True) if root.is_dir() else []
    rows = []
    for path in folders:
        try:
            rows.append(_summary(RunFolder(path)))
        except (RunNotFound, ResultUnreadable):
            continue
    return rows


def load_result(settings: Settings, run: str) -> RepairResult:
    """The result of a run id, or of a result file. Raises RunNotFound or ResultUnreadable."""
    path = Path(run)
    if path.is_file():
        return read_result(path)
    folder = run_folder(settings, run)
    if not folder.result.exists():
        raise RunNotFound(f"run {run} has no result yet; `repair resume {run}` goes on with it")
    return read_result(folder.result)


def _summary(folder: RunFolder) -> RunSummary:
    job = folder.load_job()
    start_time = (folder.path / "job.json").stat().st_mtime
    if not folder.result.exists():
        status = "running" if folder.locked() else "interrupted"
        return RunSummary(
            run_id=folder.run_id,
            target=job.target,
            status=status,
            started=start_time,
            seconds=0.0,
            patch="",
        )
    result = read_result(folder.result)
    return RunSummary(
        run_id=folder.run_id,
        target=job.target,
        status=result.status.value,
        started=start_time,
        seconds=sum(result.seconds.values()),
        patch=result.patch.candidate.description if result.patch else "",
    )
