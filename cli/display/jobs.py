"""A job of the queue in words and columns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from agent.untrusted_text import printable, shortened
from agent.wording import place, tests
from cli.exit_codes import ExitCode, of_status

if TYPE_CHECKING:
    from workers.jobs.progress import JobProgress
    from workers.jobs.view import JobView

LABEL_CHARACTERS = 11
STATE_STYLES = {
    "repaired": "green",
    "plausible": "yellow",
    "repaired_in_part": "yellow",
    "nothing_to_fix": "green",
    "running": "cyan",
    "queued": "cyan",
    "waiting": "yellow",
    "cancelled": "yellow",
    "flaky": "yellow",
}
MAX_SHOWN_PLACES = 5


def exit_code_of(job: JobView) -> ExitCode:
    """The exit code with which `repair` would have ended; 0 for a job that is still alive."""
    if job.live:
        return ExitCode.OK
    if job.outcome is not None:
        return of_status(job.outcome)
    return ExitCode.INTERRUPTED if job.state == "cancelled" else ExitCode.INFRASTRUCTURE


def state_word(job: JobView) -> str:
    return (job.outcome or job.state).value


def show_job(console: Console, job: JobView, progress: JobProgress) -> None:
    """Everything worth knowing, a fact a line."""
    state = state_word(job)
    text = Text(state.replace("_", " "), style=STATE_STYLES.get(state, "red"))
    if job.reason:
        text.append(f": {printable(job.reason)}", style="none")
    _fact(console, "state", text)
    for label, value in _facts(job):
        if value:
            _fact(console, label, Text(printable(value)))
    for label, value in _found(progress, live=job.live):
        _fact(console, label, Text(printable(value)))


def _facts(job: JobView) -> list[tuple[str, str]]:
    at = f" at {job.at}" if job.at else ""
    return [
        ("job", job.id),
        ("repository", f"{job.target}{at}"),
        ("queue", job.queue.value),
        ("position", str(job.position or "")),
        ("left", job.left),
        ("submitted", _local(job.created_at)),
        ("started", _local(job.started_at)),
        ("ended", _local(job.ended_at)),
        ("pull request", job.fate),
        ("tries", str(job.attempts) if job.attempts > 1 else ""),
        ("candidates", f"{job.candidates_tried:,}" if job.candidates_tried else ""),
        ("tokens", f"{job.tokens:,}"),
        ("GPU", f"{job.gpu_seconds:,.1f} s"),
    ]


def _found(progress: JobProgress, *, live: bool) -> list[tuple[str, str]]:
    lines = []
    if progress.stage:
        lines.append(("stage", f"{progress.stage} {progress.detail}".strip()))
    if progress.baseline is not None:
        lines.append(("tests", tests(progress.baseline)))
    if progress.places:
        lines.append(
            (
                "suspects",
                ", ".join(place(suspect) for suspect in progress.places[:MAX_SHOWN_PLACES]),
            )
        )
    best = progress.passed[-1] if progress.passed else progress.best
    if best and live:  # else the reason names the one that was chosen
        lines.append(("best", best))
    return lines


def jobs_table(jobs: Sequence[JobView]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("JOB", "STATE", "SUBMITTED", "TRIED", "TOKENS", "GPU", "LEFT", "REPOSITORY"):
        width = len(jobs[0].id) if heading == "JOB" else None
        right = heading in ("TRIED", "TOKENS", "GPU", "LEFT")
        table.add_column(
            heading, no_wrap=True, min_width=width, justify="right" if right else "left"
        )
    for job in jobs:
        state = state_word(job)
        table.add_row(
            Text(job.id),
            Text(state.replace("_", " "), style=STATE_STYLES.get(state, "red")),
            Text(_local(job.created_at)),
            Text(f"{job.candidates_tried:,}" if job.candidates_tried else ""),
            Text(f"{job.tokens:,}" if job.tokens else ""),
            Text(f"{job.gpu_seconds:,.0f} s" if job.gpu_seconds else ""),
            Text(job.left),
            Text(shortened(job.repository, 60)),
        )
    return table


def _local(at: datetime | None) -> str:
    return "" if at is None else at.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _fact(console: Console, label: str, text: Text) -> None:
    line = Text(label.rjust(LABEL_CHARACTERS) + "  ", style="dim").append_text(text)
    console.print(line, soft_wrap=True)
