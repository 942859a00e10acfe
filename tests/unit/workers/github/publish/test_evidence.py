"""What people read on GitHub about a test that was written for their issue."""

from __future__ import annotations

from datetime import UTC, datetime

from agent.patches.changes import diff_text, unified_diff
from agent.records import Baseline, GeneratedTest, RepairJob, RepairResult, Status
from workers.github.intake.assignment import Assignment
from workers.github.publish.check_run import changed, check_run
from workers.github.publish.finished_job import FinishedJob
from workers.github.webhook.trigger import Cause
from workers.records import Job, JobRequest, JobState


def test_a_generated_test_is_named_and_shown_apart_from_the_patch() -> None:
    written = GeneratedTest(
        path="tests/test_issue_1.py",
        text="def test_example_1():\n    assert area(2) == 4\n",
        test_ids=("tests/test_issue_1.py::test_example_1",),
        author="the issue's examples",
        claims=("`area(2)` gives `4`",),
    )
    result = RepairResult(
        run_id="r",
        status=Status.NOT_REPAIRED,
        reason="none was found",
        baseline=Baseline(failing=written.test_ids, passing=("tests/test_a.py::test_a",)),
        generated_tests=(written,),
    )
    ended = FinishedJob(job=job(), result=result, evidence=None, patch=None)
    summary = str(check_run(assignment(), job(), ended)["output"]["summary"])
    assert "It is no part of the patch" in summary
    assert "tests/test_issue_1.py" in summary
    assert "area(2)" in summary
    assert "assert area(2) == 4" in summary


def test_notes_stand_on_the_lines_that_a_patch_changes() -> None:
    lines = [f"line {n}\n".encode() for n in range(1, 60)]
    new = [*lines[:9], b"-- changed\n", *lines[10:40], b"added\n", *lines[40:]]
    diff = unified_diff(
        {
            "a file.py": (b"".join(lines), b"".join(new)),
            "new.py": (None, b"x = 1\n"),
            "b.py": (b"-- 1\n", b"++ 1\n"),
        }
    )
    assert sorted(changed(diff_text(diff))) == [("a file.py", 10), ("a file.py", 41), ("b.py", 1)]


def assignment() -> Assignment:
    return Assignment(
        job_id="j",
        repository="o/n",
        target="#1",
        cause=Cause.LABEL,
        number=1,
        is_pull=False,
        is_fork=False,
        commit="c" * 40,
        base_branch="main",
        branch="repair/j",
        asked_by=None,
    )


def job() -> Job:
    return Job(
        id="j",
        request=JobRequest(repair=RepairJob(run_id="r", target="t"), repository="o/n"),
        state=JobState.ENDED,
        outcome=Status.NOT_REPAIRED,
        reason="",
        attempts=1,
        crashes=0,
        waits=0,
        cancel_requested=False,
        created_at=datetime.now(UTC),
        started_at=None,
        ended_at=None,
        not_before=None,
        deadline_at=None,
        worker=None,
        tokens=0,
        gpu_seconds=0.0,
        candidates_tried=0,
    )
