"""The result file."""

from __future__ import annotations

from pathlib import Path

from agent.records import RepairResult, Status, SuspiciousLine
from agent.runs.result_file import MAX_STORED_SUSPICIOUS_LINES, read_result, write_result


def test_a_file_keeps_the_most_suspicious_lines_only(tmp_path: Path) -> None:
    lines = tuple(
        SuspiciousLine(path="m.py", line=at, score=1 / at, ochiai=1 / at, dstar=0.0)
        for at in range(1, 3 * MAX_STORED_SUSPICIOUS_LINES)
    )
    result = RepairResult(run_id="r", status=Status.NOT_REPAIRED, reason="x", suspicious=lines)
    write_result(result, tmp_path / "result.json")
    assert read_result(tmp_path / "result.json").suspicious == lines[:MAX_STORED_SUSPICIOUS_LINES]
