"""What the pages show, and the parts of them that change while one looks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from agent.records import RepairResult
from agent.selection.answer_table import HEADINGS, answer_rows
from agent.serialization import restore
from agent.untrusted_text import printable_lines
from workers.jobs.progress import STAGES, JobProgress
from workers.jobs.view import JobView
from workers.records import JobState
from workers.web.auth.access import Caller
from workers.web.pages.templates import fragment
from workers.web.service import Service

MAX_LIST_ROWS = 50
MAX_EVENTS = 100_000
MAX_SHOWN_TESTS = 20
JOB_PARTS = ("summary", "stages", "search", "places", "patch", "model")
DIFF_KINDS = (
    ("diff --git", "file"),
    ("---", "file"),
    ("+++", "file"),
    ("@@", "hunk"),
    ("+", "added"),
    ("-", "removed"),
)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A step of the repair as the page draws it."""

    name: str
    state: str
    """`done`, `now` or `next`."""
    seconds: float | None


def job_values(service: Service, job: JobView, progress: JobProgress) -> dict[str, Any]:
    """What the templates of one job read."""
    result, trajectory = (None, ()) if job.live else _result(service, job.id)
    patch = result.patch if result else None
    return {
        "job": job,
        "progress": progress,
        "stages": stages(job, progress, datetime.now(UTC)),
        "result": result,
        "patch": patch,
        "diff": diff_lines(patch.diff) if patch else [],
        "tests": tuple(patch.verdict.fail_to_pass)[:MAX_SHOWN_TESTS] if patch else (),
        "answer_headings": HEADINGS,
        "answers": answer_rows(patch.verdict) if patch else [],
        "rejected": result.rejected if result else None,
        "rejected_diff": diff_lines(result.rejected.diff) if result and result.rejected else [],
        "trajectory": trajectory,
        "still_red": still_red_tests(result),
        "elapsed": _elapsed(job),
    }


def still_red_tests(result: RepairResult | None) -> list[tuple[str, str]]:
    """Tests that the patch leaves red, and why."""
    if result is None or result.baseline is None:
        return []
    baseline = result.baseline
    return [(t, baseline.set_aside.get(t, "")) for t in baseline.still_red[:MAX_SHOWN_TESTS]]


def job_parts(service: Service, job: JobView, progress: JobProgress) -> dict[str, str]:
    """Name of a part → its HTML."""
    values = job_values(service, job, progress)
    return {name: fragment(f"parts/{name}.html", **values) for name in JOB_PARTS}


def list_values(service: Service, caller: Caller, before: str | None) -> dict[str, Any]:
    owner = None if caller.sees_all else caller.owner
    jobs = service.overview.jobs(owner=owner, limit=MAX_LIST_ROWS, before=before)
    counts = service.store.counts() if caller.sees_all else {}
    return {
        "jobs": jobs,
        "counts": {state.value: counts[state] for state in counts},
        "next": jobs[-1].id if len(jobs) == MAX_LIST_ROWS else None,
        "before": before,
        "caller": caller,
    }


def list_parts(service: Service, caller: Caller, before: str | None) -> dict[str, str]:
    values = list_values(service, caller, before)
    return {name: fragment(f"parts/{name}.html", **values) for name in ("counts", "rows")}


def stages(job: JobView, progress: JobProgress, clock: datetime) -> list[Stage]:
    """The stages of a repair in order, with their state.

    One that takes turns is `now` while it runs, `done` in between.
    """
    seconds_by_stage = progress.finished
    steps = []
    for name in STAGES:
        seconds = seconds_by_stage.get(name)
        state = "next" if seconds is None else "done"
        if name == progress.stage and job.state is JobState.RUNNING:
            state = "now"
            begin_time = progress.stage_since or clock
            seconds = (seconds or 0.0) + max(0.0, (clock - begin_time).total_seconds())
        steps.append(Stage(name=name, state=state, seconds=seconds))
    return steps


def diff_lines(diff: str) -> list[tuple[str, str]]:
    """The lines of a diff as (CSS class, text)."""
    lines = printable_lines(diff.removesuffix("\n").replace("\r\n", "\n"))
    return [(_diff_kind(line), line) for line in lines]


def _diff_kind(line: str) -> str:
    return next((kind for start, kind in DIFF_KINDS if line.startswith(start)), "same")


def _elapsed(job: JobView) -> float | None:
    if job.started_at is None:
        return None
    return max(0.0, ((job.ended_at or datetime.now(UTC)) - job.started_at).total_seconds())


def _result(service: Service, job_id: str) -> tuple[RepairResult | None, tuple[str, ...]]:
    """The result, and what was said to the model, a line for each step."""
    record = service.store.result(job_id)
    if record is None:
        return None, ()
    document = json.loads(record.result_json)
    lines = (document["evidence"] or {}).get("trajectory", ())
    return restore(RepairResult, document["result"]), tuple(map(str, lines))
