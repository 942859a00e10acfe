"""What was said between a run and its model, as the run keeps and shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.runs import trajectory
from agent.runs.trajectory import FULL, Step, Trajectory, read_trajectory
from agent.runs.trajectory_text import MAX_DIGEST_STEPS, digest, in_full

ANSWER = Step(
    conversation="model",
    kind="answer",
    turn=1,
    thinking="The sum is off by one.",
    calls=({"name": "bash", "arguments": {"command": "grep -n sum shop.py"}},),
    tokens=120,
    seconds=3.0,
)
TOOL = Step(conversation="model", kind="tool", turn=1, text="2:    return sum(x)\x1b[31m")


def test_steps_are_appended_and_come_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "trajectory.jsonl"
    Trajectory(path).add(ANSWER)
    before = path.read_bytes()
    Trajectory(path).add(TOOL)  # another process goes on
    assert path.read_bytes().startswith(before)
    assert read_trajectory(path) == [ANSWER, TOOL]
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_trajectory(tmp_path / "nothing") == []


def test_a_torn_line_costs_itself_and_a_repeated_step_counts_once(tmp_path: Path) -> None:
    path = tmp_path / "trajectory.jsonl"
    log = Trajectory(path)
    log.add(ANSWER)
    with path.open("ab") as file:
        file.write(b'{"conversation": "model", "kind": "to')  # killed while it wrote
    log.add(TOOL)
    log.add(ANSWER)
    assert read_trajectory(path) == [ANSWER, TOOL]


def test_file_and_texts_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trajectory, "MAX_FILE_BYTES", 100_000)
    log = Trajectory(tmp_path / "trajectory.jsonl")
    for turn in range(20):
        log.add(Step(conversation="model", kind="tool", turn=turn, text=f"{turn} " + "x" * 50_000))
    steps = read_trajectory(tmp_path / "trajectory.jsonl")
    assert steps[-1].kind == FULL
    assert len(steps[0].text) < 21_000
    assert "characters left out" in steps[0].text
    assert (tmp_path / "trajectory.jsonl").stat().st_size <= 100_001


def test_a_disk_that_takes_nothing_ends_nothing(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "trajectory.jsonl"
    log = Trajectory(path)
    log.add(ANSWER)
    assert read_trajectory(path) == []
    path.parent.mkdir()
    log.add(TOOL)
    assert read_trajectory(path) == [TOOL], "once it takes something again, that is kept"


def test_words_are_safe_to_print() -> None:
    rejected = Step(
        conversation="model", kind="verdict", turn=2, plausible=False, text="it broke\nb"
    )
    lines = list(in_full([ANSWER, TOOL, rejected]))
    assert lines[0] == "── model, turn 1: answer, 120 tokens, 3.0 s"
    assert "   bash grep -n sum shop.py" in lines
    assert "   2:    return sum(x)\\x1b[31m" in lines
    assert digest([ANSWER, rejected]) == (
        "model, turn 1: answer, 120 tokens, 3.0 s: bash grep -n sum shop.py",
        "verdict 2, on a patch by model: rejected: it broke b",
    )
    many = digest([TOOL] * 1000)
    assert len(many) == MAX_DIGEST_STEPS + 1
    assert "steps left out" in many[MAX_DIGEST_STEPS // 2]
