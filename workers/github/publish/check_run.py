"""The check run of a job: a summary on the commit, and notes on its lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile
from typing import Any

from agent.records import RepairResult, Status
from workers.github.api.markdown import code, fit, plain
from workers.github.intake.assignment import Assignment
from workers.github.publish.evidence import MAX_SHOWN_PLACES, findings, headline
from workers.github.publish.finished_job import FinishedJob
from workers.records import Job, JobState

MAX_ANNOTATIONS = 50
"""GitHub takes no more in one call."""


def check_run(assignment: Assignment, job: Job, finished_job: FinishedJob | None) -> dict[str, Any]:
    """Body of a check run. It never says `failure`: it is advice, not a gate."""
    check: dict[str, Any] = {"name": "Repair", "external_id": job.id}
    if job.state not in (JobState.ENDED, JobState.CANCELLED, JobState.DEAD):
        is_running = job.state is JobState.RUNNING
        return {**check, "status": "in_progress" if is_running else "queued"}
    if finished_job is None:
        conclusion = "cancelled" if job.state is JobState.CANCELLED else "neutral"
        summary = code(job.reason or job.state.value, 500)
        output: dict[str, Any] = {"title": "No result", "summary": summary}
        return {**check, "status": "completed", "conclusion": conclusion, "output": output}
    result = finished_job.result
    output = {
        "title": headline(result),
        "summary": fit([code(result.reason, 500), *findings(assignment, finished_job)]),
        "annotations": _annotations(result)[:MAX_ANNOTATIONS],
    }
    conclusion = "success" if result.status is Status.NOTHING_TO_FIX else "neutral"
    return {**check, "status": "completed", "conclusion": conclusion, "output": output}


def _annotations(result: RepairResult) -> list[dict[str, Any]]:
    """On the lines the patch changes, else on the most suspicious ones."""
    if result.patch is not None:
        message = plain(f"Repair changes this: {result.patch.candidate.description}", 500)
        return [_annotation(path, line, message) for path, line in changed(result.patch.diff)]
    return [
        _annotation(
            line.path, line.line, f"The fault may be here (suspiciousness {line.score:.2f})."
        )
        for line in result.suspicious[:MAX_SHOWN_PLACES]
    ]


def _annotation(path: str, line: int, message: str) -> dict[str, Any]:
    location = {"path": path, "start_line": line, "end_line": line}
    return {**location, "annotation_level": "notice", "message": message}


def changed(diff: str) -> Iterator[tuple[str, int]]:
    """Path and first changed line, counted in the base, of each hunk in a file that is there."""
    for part in re.split(r"^diff --git ", diff, flags=re.MULTILINE)[1:]:
        head, *hunks = re.split(r"^@@ -", part, flags=re.MULTILINE)
        match = re.search(r"^--- a/(.*?)\t?$", head, re.MULTILINE)
        if match is None:
            continue
        for hunk in hunks:
            first_line = int(hunk.partition(" ")[0].partition(",")[0])
            context = takewhile(lambda line: line.startswith(" "), hunk.split("\n")[1:])
            yield match[1], max(1, first_line + len(list(context)))
