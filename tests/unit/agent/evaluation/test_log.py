"""The log: what a kill leaves of it, and what is read back."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.evaluation.errors import LogDamaged
from agent.evaluation.log import EvaluationLog, read_log
from agent.evaluation.records import Answer, Grade, GradeKind, Sampling


def answer(task: str, sample: int = 0) -> Answer:
    return Answer(task_id=task, sample=sample, text="return 1\udcff", completion_tokens=3)


SOLVED = Grade(kind=GradeKind.SOLVED, why="all tests pass")
FAILED = Grade(kind=GradeKind.FAILED, why="AssertionError", metrics={"bleu": 0.5})


def written(path: Path) -> None:
    with EvaluationLog(path) as log:
        log.add_failure("b", "the server is gone")
        log.add_answers("a", "prompt", Sampling(), [answer("a", 0), answer("a", 1)])
        log.add_grade(answer("a", 0), FAILED)
        log.add_grade(answer("a", 0), SOLVED)
        log.add_answers("b", "prompt", Sampling(), [answer("b")])


def test_what_was_written_is_read_back_and_the_newest_grade_counts(tmp_path: Path) -> None:
    written(tmp_path / "log.jsonl")
    recorded = read_log(tmp_path / "log.jsonl")
    assert recorded.answers == {"a": (answer("a", 0), answer("a", 1)), "b": (answer("b"),)}
    assert recorded.grades == {("a", 0): SOLVED}
    assert recorded.failures == {}, "a task that was answered later is no failure any more"


def test_when_answers_were_begun_and_there_is_kept(tmp_path: Path) -> None:
    with EvaluationLog(tmp_path / "log.jsonl") as log:
        log.add_answers("a", "prompt", Sampling(), [answer("a")], (10.0, 12.5))
        log.add_answers("b", "prompt", Sampling(), [answer("b")])
    assert read_log(tmp_path / "log.jsonl").spans == {"a": (10.0, 12.5)}


@pytest.mark.parametrize("span", ['"ab"', "[1]", "[1, 2, 3]", "[NaN, 1]", "[1, Infinity]", "7"])
def test_times_that_are_none_are_damage(tmp_path: Path, span: str) -> None:
    path = tmp_path / "log.jsonl"
    with EvaluationLog(path) as log:
        log.add_answers("a", "prompt", Sampling(), [answer("a")], (10.0, 12.5))
    path.write_text(path.read_text().replace("[10.0, 12.5]", span))
    with pytest.raises(LogDamaged, match="is no line of a log"):
        read_log(path)


def test_a_kill_at_any_byte_leaves_a_log_that_goes_on(tmp_path: Path) -> None:
    written(tmp_path / "log.jsonl")
    whole = (tmp_path / "log.jsonl").read_bytes()
    for size in range(0, len(whole), 7):
        path = tmp_path / "killed.jsonl"
        path.write_bytes(whole[:size])
        with EvaluationLog(path) as log:
            log.add_answers("c", "prompt", Sampling(), [answer("c")])
        assert read_log(path).answers["c"] == (answer("c"),)


@pytest.mark.parametrize("line", ['{"kind": "grade"}', "nonsense", '{"task": 1, "kind": 3}', "[]"])
def test_damage_before_the_end_is_named_with_its_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "log.jsonl"
    written(path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], line, *lines[1:], ""]))
    with pytest.raises(LogDamaged, match=r"log\.jsonl:2 is no line of a log"):
        EvaluationLog(path)


def test_a_log_of_another_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"kind": "log", "schema": "other/9"}\n')
    with pytest.raises(LogDamaged, match="other/9"):
        EvaluationLog(path)


def test_a_log_that_is_a_link_is_not_written_through(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("")
    elsewhere.chmod(0o644)
    (tmp_path / "log.jsonl").symlink_to(elsewhere)
    with pytest.raises(LogDamaged, match="plain file"):
        EvaluationLog(tmp_path / "log.jsonl")
    assert elsewhere.read_text() == ""
    assert elsewhere.stat().st_mode & 0o777 == 0o644
