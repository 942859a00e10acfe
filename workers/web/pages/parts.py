"""What the pages show, and the parts of them that change while one looks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from agent.records import PlausiblePatch, RepairResult
from agent.selection.answer_table import HEADINGS, Row, answer_rows
from agent.serialization import restore
from workers.jobs.progress import STAGES, JobProgress
from workers.jobs.view import JobView
from workers.records import JobEvent, JobState
from workers.web.auth.access import Caller
from workers.web.pages.actions import may
from workers.web.pages.conversation import newest_steps
from workers.web.pages.diff import diff_lines
from workers.web.pages.job_list import run_seconds
from workers.web.pages.stage_log import StageLog
from workers.web.pages.templates import fragment
from workers.web.service import Service

MAX_EVENTS = 100_000
MAX_SHOWN_TESTS = 20
MAX_ALTERNATIVES = 10
JOB_PARTS = (
    "actions",
    "summary",
    "stages",
    "search",
    "places",
    "patch",
    "alternatives",
    "model",
    "log",
)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A step of the repair as the page draws it."""

    name: str
    state: str
    """`done`, `now` or `next`."""
    seconds: float | None


@dataclass(frozen=True, kw_only=True)
class Alternative:
    """Another patch that passed."""

    patch: PlausiblePatch
    diff: list[tuple[str, str]]
    answers: list[Row]


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the events of a job told so far."""

    progress: JobProgress = field(default_factory=JobProgress)
    log: StageLog = field(default_factory=StageLog)

    def with_events(self, events: Sequence[JobEvent]) -> Told:
        return Told(progress=self.progress.with_events(events), log=self.log.with_events(events))


def job_values(service: Service, job: JobView, told: Told, caller: Caller | None) -> dict[str, Any]:
    """What the templates of one job read."""
    progress = told.progress
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
        "alternatives": _alternatives(result),
        "trajectory": trajectory,
        "said": newest_steps(service.settings, job.id),
        "log": told.log.lines,
        "may": may(caller, job),
        "still_red": still_red_tests(result),
        "elapsed": run_seconds(job),
    }


def still_red_tests(result: RepairResult | None) -> list[tuple[str, str]]:
    """Tests that the patch leaves red, and why."""
    if result is None or result.baseline is None:
        return []
    baseline = result.baseline
    return [(t, baseline.set_aside.get(t, "")) for t in baseline.still_red[:MAX_SHOWN_TESTS]]


def _alternatives(result: RepairResult | None) -> list[Alternative]:
    patches = result.alternatives[:MAX_ALTERNATIVES] if result else ()
    return [
        Alternative(patch=patch, diff=diff_lines(patch.diff), answers=answer_rows(patch.verdict))
        for patch in patches
    ]


def job_parts(service: Service, job: JobView, told: Told, caller: Caller | None) -> dict[str, str]:
    """Name of a part → its HTML."""
    values = job_values(service, job, told, caller)
    return {name: fragment(f"parts/{name}.html", **values) for name in JOB_PARTS}


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


def _result(service: Service, job_id: str) -> tuple[RepairResult | None, tuple[str, ...]]:
    """The result, and what was said to the model, a line for each step."""
    record = service.store.result(job_id)
    if record is None:
        return None, ()
    document = json.loads(record.result_json)
    lines = (document["evidence"] or {}).get("trajectory", ())
    return restore(RepairResult, document["result"]), tuple(map(str, lines))
