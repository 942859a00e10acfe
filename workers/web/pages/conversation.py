"""What was said between a job's run and its model, as it is said: read from the run's folder,
where this machine has it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from agent.runs.folder import RunFolder, runs_root
from agent.runs.trajectory import Step, read_trajectory
from agent.runs.trajectory_text import in_full
from workers.config import ServiceSettings

MAX_TAIL_BYTES = 1024 * 1024
"""Of the file, which may have 32 MiB, and is read each time it grows."""
MAX_SHOWN_STEPS = 30
MAX_BODY_CHARACTERS = 4_000
MAX_KNOWN_FILES = 32


@dataclass(frozen=True, kw_only=True)
class Said:
    """One step, as the page shows it."""

    key: str
    """What tells it from the others of the job."""
    heading: str
    body: str


def newest_steps(settings: ServiceSettings, job_id: str) -> tuple[Said, ...]:
    """The last steps, in their order; empty where there is no file of them here."""
    path = RunFolder(runs_root(settings) / job_id).trajectory
    try:
        state = path.stat()
    except OSError:
        return ()
    return _steps(path, state.st_size, state.st_mtime_ns)


@lru_cache(MAX_KNOWN_FILES)
def _steps(path: Path, _size: int, _mtime_ns: int) -> tuple[Said, ...]:
    steps = read_trajectory(path, last_bytes=MAX_TAIL_BYTES)
    return tuple(map(_said, steps[-MAX_SHOWN_STEPS:]))


def _said(step: Step) -> Said:
    heading, *lines = in_full([step])
    body = "\n".join(line.removeprefix("   ") for line in lines)
    return Said(
        key=f"{step.conversation} {step.kind} {step.turn} {step.index}",
        heading=heading.removeprefix("── "),
        body=body[:MAX_BODY_CHARACTERS] + ("…" if len(body) > MAX_BODY_CHARACTERS else ""),
    )
