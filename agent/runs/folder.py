"""The folder of a run in the user's state folder: job, checkpoints, journal, result, patch, log."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from agent.config import Settings
from agent.errors import ResultUnreadable, RunLocked, RunNotFound
from agent.records import GeneratedTest, RepairJob, RepairResult, Status
from agent.runs.result_file import read_result
from agent.serialization import plain, restore
from sandbox.git.login import without_logins
from sandbox.host.private_files import private_folder
from sandbox.host.untrusted_tree import remove_tree

REMOVED = ".removed-"
"""Begins the name, beside the runs, of what is being removed. A start of `repair` removes the rest
of what was interrupted."""


MAX_FAILURE_CHARACTERS = 2000
"""Of why a run failed, where it is told."""
MIN_ID_CHARACTERS = 4
"""Of an id, for the part to stand for the whole."""


@dataclass(frozen=True)
class RunFolder:
    """Paths of one run. Only the process that holds the lock writes here."""

    path: Path

    @property
    def run_id(self) -> str:
        return self.path.name

    @property
    def job(self) -> Path:
        return self.path / "job.json"

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
    def trajectory(self) -> Path:
        """What was said between the run and its model."""
        return self.path / "trajectory.jsonl"

    @property
    def failure(self) -> Path:
        """Why the newest attempt failed; there is none while one runs, and where none failed."""
        return self.path / "failure.txt"

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
        self.job.write_text(json.dumps(plain(job), indent=1), encoding="utf-8")

    def load_job(self) -> RepairJob:
        try:
            text = self.job.read_text(encoding="utf-8")
            return restore(RepairJob, json.loads(text))
        except (OSError, ValueError) as error:
            raise RunNotFound(f"the run {self.run_id} has no readable job.json: {error}") from error

    def has_ended(self) -> bool:
        """Whether the repair came to its end, so that `resume` would find nothing left to do."""
        try:
            return read_result(self.result).status is not Status.CANCELLED
        except ResultUnreadable:
            return False

    def has_failed(self) -> bool:
        return os.path.lexists(self.failure)

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Hold the run for one attempt to come to its end; why it did not is kept."""
        with self.lock():
            self.failure.unlink(missing_ok=True)
            try:
                yield
            except Exception as error:
                with suppress(OSError):  # a full disk, perhaps: what is wrong is told anyway
                    why = without_logins(f"{error}\n")  # of URLs; kept nowhere
                    self.failure.write_text(why, encoding="utf-8", errors="replace")
                raise

    def working_files(self) -> list[Path]:
        """What is there of the files that only a run that goes on and `--apply` need."""
        names = [f"{self.checkpoints.name}{suffix}" for suffix in ("", "-wal", "-shm", "-journal")]
        files = [*(self.path / name for name in names), self.journal, self.snapshot]
        return [file for file in files if os.path.lexists(file)]

    def remove_working_files(self) -> None:
        """Keep the job, result, patch, written tests, trajectory and log alone. Raises OSError.

        The checkpoints go first: a run without them is never gone on with.
        """
        for file in self.working_files():
            if file.is_symlink() or not file.is_dir():
                file.unlink()
            else:
                remove_tree(self._set_aside(file))

    def remove(self) -> None:
        """Forget the run. An interruption leaves the whole run or none under its name."""
        if self.path.is_symlink():
            return
        with suppress(OSError):
            remove_tree(self._set_aside(self.path))

    def _set_aside(self, folder: Path) -> Path:
        """Move a folder, at once, to where it is no part of a run. Raises OSError."""
        name = f"{REMOVED}{self.run_id}-{secrets.token_hex(4)}"
        return folder.rename(self.path.parent / name)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the run; released by the operating system when the process dies."""
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.open(self.path / "lock", flags, 0o600)
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise RunLocked(f"another process is working on run {self.run_id}") from error
            yield
        finally:
            os.close(file)

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
    """A `Status`, or `running`, `interrupted` or `failed`."""
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
    """The folder of an existing run, by its id or by the beginning or the end of it that no other
    id has. Raises RunNotFound."""
    if Path(run_id).name == run_id not in ("", ".", "..") and not run_id.startswith(REMOVED):
        folder = runs_root(settings) / run_id
        if folder.is_dir():
            return RunFolder(folder)
        near = _with_part(settings, run_id)
        if len(near) == 1:
            return RunFolder(near[0])
        if near:
            raise RunNotFound(f"{run_id!r} stands for {len(near)} runs; `repair list` shows them")
    raise RunNotFound(f"there is no run {run_id!r}; `repair list` shows the runs")


def _with_part(settings: Settings, part: str) -> list[Path]:
    root = runs_root(settings)
    names = (path.name for path in root.iterdir()) if root.is_dir() else ()
    return [root / name for name in names if not name.startswith(REMOVED) and has_part(name, part)]


def has_part(run_id: str, part: str) -> bool:
    """Whether the beginning or the end of an id stands for it, if it does for no other."""
    return len(part) >= MIN_ID_CHARACTERS and (run_id.startswith(part) or run_id.endswith(part))


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
        if path.name.startswith(REMOVED):
            continue
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
        raise RunNotFound(f"run {folder.run_id} has no result yet{_outlook(folder)}")
    return read_result(folder.result)


def _outlook(folder: RunFolder) -> str:
    """What becomes of a run without a result, as the end of a sentence."""
    if folder.locked():
        return ": it is still running"
    resume = f"`repair resume {folder.run_id}`"
    if not folder.has_failed():
        return f"; {resume} goes on with it"
    try:
        text = folder.failure.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    why = text.partition("\n")[0][:MAX_FAILURE_CHARACTERS].strip(" .")
    return f": it failed{f' ({why})' if why else ''}; {resume} tries it again"


def _status(folder: RunFolder) -> str:
    """What a run without a usable result does."""
    if folder.locked():
        return "running"
    return "failed" if folder.has_failed() else "interrupted"


def _last_sign(folder: RunFolder, *, running: bool) -> float:
    """When a run without a result last wrote something, in seconds since the epoch: the stage that
    was cut short counts, too."""
    if running:
        return time.time()
    files = [folder.job, *folder.working_files(), folder.log, folder.failure]
    return max(file.stat().st_mtime for file in files if file.exists())


def _summary(folder: RunFolder) -> RunSummary:
    job = folder.load_job()
    start_time = folder.job.stat().st_mtime
    if not folder.result.exists():
        status = _status(folder)
        return RunSummary(
            run_id=folder.run_id,
            target=job.target,
            status=status,
            started=start_time,
            seconds=_last_sign(folder, running=status == "running") - start_time,
            patch="",
        )
    result = read_result(folder.result)
    status = result.status.value
    if result.status is Status.CANCELLED and (folder.has_failed() or folder.locked()):
        status = _status(folder)  # it was gone on with
    return RunSummary(
        run_id=folder.run_id,
        target=job.target,
        status=status,
        started=start_time,
        seconds=sum(result.seconds.values()),
        patch=result.patch.candidate.description if result.patch else "",
    )
