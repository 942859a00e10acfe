"""The check run of a job: a summary on the commit, and notes on its lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile
from typing import Any

from agent.records import RepairResult, Status
from workers.forges.api.markdown import MAX_CHECK_BYTES, code, fit, plain, utf8_size
from workers.forges.intake.assignment import Assignment
from workers.forges.publish.advice import advised
from workers.forges.publish.comment import progress
from workers.forges.publish.evidence import MAX_SHOWN_PLACES, findings, headline
from workers.forges.publish.finished_job import FinishedJob
from workers.forges.publish.verdict_file import trajectory, verdict_file
from workers.records import Job, JobState

MAX_ANNOTATIONS = 50
"""GitHub takes no more in one call."""


def check_run(
    assignment: Assignment,
    job: Job,
    finished_job: FinishedJob | None,
    *,
    stage: str = "",
    page: str = "",
    url: str = "",
) -> dict[str, Any]:
    """Body of a check run. It never says `failure`: it is advice, not a gate. `url`: where the
    verdict can be taken again from."""
    check: dict[str, Any] = {"name": "Repair", "external_id": job.id}
    if page:
        check["details_url"] = page
    if job.state not in (JobState.ENDED, JobState.CANCELLED, JobState.DEAD):
        is_running = job.state is JobState.RUNNING
        sentence = progress(job, None, stage)
        output: dict[str, Any] = {"title": _title(sentence), "summary": sentence}
        status = "in_progress" if is_running else "queued"
        return {**check, "status": status, "output": output}
    if finished_job is None:
        conclusion = "cancelled" if job.state is JobState.CANCELLED else "neutral"
        output = {"title": "No result", "summary": progress(job, None, "")}
        return {**check, "status": "completed", "conclusion": conclusion, "output": output}
    result = finished_job.result
    summary = [code(advised(result.reason), 500), *findings(assignment, finished_job)]
    output = {
        "title": headline(result),
        "summary": fit(summary, MAX_CHECK_BYTES, utf8_size),
        "text": fit(
            [verdict_file(finished_job, url), trajectory(finished_job)], MAX_CHECK_BYTES, utf8_size
        ),
        "annotations": [a for a in _annotations(result) if _is_text(a["path"])][:MAX_ANNOTATIONS],
    }
    conclusion = "success" if result.status is Status.NOTHING_TO_FIX else "neutral"
    return {**check, "status": "completed", "conclusion": conclusion, "output": output}


def _title(sentence: str) -> str:
    """A title shows no Markdown."""
    return plain(sentence.replace("`", "").rstrip("."), 120)


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


def _is_text(path: str) -> bool:
    """Whether JSON can hold a path: bytes of a file name that are no UTF-8 have no place there."""
    return not any("\ud800" <= character <= "\udfff" for character in path)


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
