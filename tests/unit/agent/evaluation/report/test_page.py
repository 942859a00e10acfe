"""The pages: nothing is loaded, nothing untrusted becomes markup, and the claim is judged."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from agent.evaluation.log import LogContents
from agent.evaluation.records import Answer, AnswerSource, Grade, GradeKind, Plan, Task
from agent.evaluation.report.comparison_page import comparison_page
from agent.evaluation.report.files import summary_json, tasks_csv
from agent.evaluation.report.page import page_of
from agent.evaluation.report.run_comparison import compare_runs
from agent.evaluation.report.summarize import summarize
from agent.evaluation.report.summary import Summary
from agent.evaluation.report.verdict_on_claim import sentence
from agent.evaluation.statistics.intervals import wilson
from agent.evaluation.suites.human_eval import HumanEval

HOSTILE = "</title><script>alert(1)</script>\x1b[31m\u202e&amp;"
PLAN = Plan(run_id="r", suite="humaneval", data="/d", way=AnswerSource.MODEL, model="m", samples=2)


def summary(solved: int, of: int, plan: Plan = PLAN) -> Summary:
    tasks = [
        Task(task_id=f"{HOSTILE}{i}", group=str(i), prompt="p", reference="r") for i in range(of)
    ]
    recorded = LogContents()
    for number, task in enumerate(tasks):
        name = task.task_id
        recorded.answers[name] = tuple(
            Answer(task_id=name, sample=s, text="t", completion_tokens=10 + number, seconds=1.0)
            for s in range(plan.samples)
        )
        kind = GradeKind.SOLVED if number < solved else GradeKind.FAILED
        for sample in range(plan.samples):
            recorded.grades[name, sample] = Grade(kind=kind, why=HOSTILE)
    return summarize(plan, HumanEval(Path("/d")), tasks, recorded)


def timed(spans: dict[str, tuple[float, float]], gpus: int | None = None) -> Summary:
    """Two tasks with 30 tokens each."""
    tasks = [Task(task_id=name, group=name, prompt="p", reference="r") for name in "ab"]
    recorded = LogContents(spans=spans)
    for name in "ab":
        recorded.answers[name] = (
            Answer(task_id=name, sample=0, text="t", completion_tokens=30, seconds=9.0),
        )
    return summarize(replace(PLAN, samples=1, gpus=gpus), HumanEval(Path("/d")), tasks, recorded)


def test_speed_is_of_the_time_in_which_anything_was_answered() -> None:
    side_by_side = timed({"a": (100.0, 104.0), "b": (101.0, 106.0)}, gpus=2)
    assert side_by_side.answering_seconds == 6.0
    assert (side_by_side.tokens_per_second, side_by_side.gpu_seconds) == (10.0, 12.0)
    resumed = timed({"a": (100.0, 104.0), "b": (9000.0, 9002.0)}, gpus=1)
    assert (resumed.tokens_per_second, resumed.gpu_seconds) == (10.0, 6.0)
    assert "GPU seconds" in page_of(side_by_side)
    assert "tokens a second" in comparison_page(compare_runs([side_by_side, resumed]))


@pytest.mark.parametrize("spans", [{}, {"a": (100.0, 104.0)}, {"a": (5.0, 5.0), "b": (5.0, 4.0)}])
def test_no_speed_is_told_where_the_times_are_not_all_known(
    spans: dict[str, tuple[float, float]],
) -> None:
    without = timed(spans, gpus=8)
    assert (without.answering_seconds, without.tokens_per_second) == (0.0, None)
    assert without.gpu_seconds is None
    assert "GPU seconds" not in page_of(without)


def test_gpu_seconds_need_the_number_of_gpus() -> None:
    assert timed({"a": (0.0, 1.0), "b": (0.0, 1.0)}).gpu_seconds is None


class Tags(HTMLParser):
    """Checks that elements are closed in order, and gathers their names and attributes."""

    VOID = frozenset({"meta"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def pages() -> list[str]:
    one, other = summary(7, 10), summary(4, 10)
    return [page_of(one), page_of(summary(0, 0)), comparison_page(compare_runs([one, other]))]


@pytest.mark.parametrize("number", range(3))
def test_a_page_stands_alone_and_shows_untrusted_text_as_text(number: int) -> None:
    text = pages()[number]
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    names = {name for name, _ in tags.seen}
    assert "script" not in names
    assert not names & {"img", "link", "iframe", "object", "form"}
    assert all("href" not in attrs and "src" not in attrs for _, attrs in tags.seen)
    assert not any(key.startswith("on") for _, attrs in tags.seen for key in attrs)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert re.search(r"(NaN|inf|None)\b", re.sub(r"<title>.*?</title>", "", text)) is None


def test_the_figures_of_a_summary() -> None:
    one = summary(7, 10)
    assert one.solved.value == pytest.approx(0.7)
    assert one.solved.interval == wilson(7, 10)
    assert one.outcomes == {"solved": 14, "failed": 6}
    assert one.pass_at[2].value == pytest.approx(0.7)
    assert summary_json(one)["schema"] == "repair-evaluation-summary/1"


def test_what_was_not_answered_counts_as_not_solved_and_is_shown() -> None:
    plan = replace(PLAN, samples=1)
    tasks = [Task(task_id=str(i), group=str(i), prompt="p", reference="r") for i in range(4)]
    recorded = LogContents(failures={"3": "the server is gone"})
    for task in tasks[:3]:
        name = task.task_id
        recorded.answers[name] = (Answer(task_id=name, sample=0, text="t"),)
        recorded.grades[name, 0] = Grade(kind=GradeKind.SOLVED, why="")
    found = summarize(plan, HumanEval(Path("/d")), tasks, recorded)
    assert found.solved.value == 0.75
    assert found.outcomes == {"solved": 3, "not_answered": 1}
    assert any("1 of 4 tasks could not be answered" in note for note in found.notes)


def test_the_table_of_tasks_holds_no_formula_and_one_line_a_task() -> None:
    lines = tasks_csv(summary(1, 3)).splitlines()
    assert len(lines) == 4
    bad = replace(summary(1, 1), rows=(replace(summary(1, 1).rows[0], why='=HYPERLINK("x")\n+'),))
    assert "\"'=HYPERLINK" in tasks_csv(bad)


@pytest.mark.parametrize(
    ("right", "number", "words"),
    [
        (300, 500, "Not confirmed"),
        (400, 500, "Confirmed"),
        (385, 500, "Cannot be told at n = 500"),
        (8, 10, "Cannot be told at n = 10"),
        (0, 3, "Not confirmed"),
    ],
)
def test_the_sentence_on_a_claim(right: int, number: int, words: str) -> None:
    assert sentence(0.772, right / number, wilson(right, number), number).startswith(words)


def test_runs_are_compared_pair_by_pair() -> None:
    comparison = compare_runs([summary(9, 10), summary(2, 10)])
    (difference,) = comparison.differences
    assert (difference.pairs.first, difference.pairs.second) == (7, 0)
    assert difference.difference == pytest.approx(0.7)
    assert difference.sentence.startswith("1 solves more than 2")


def test_shares_of_an_unfinished_evaluation_are_of_what_is_graded() -> None:
    plan = replace(PLAN, samples=1)
    tasks = [Task(task_id=str(i), group=str(i), prompt="p", reference="r") for i in range(4)]
    recorded = LogContents()
    for task, kind in zip(tasks, (GradeKind.SOLVED, GradeKind.NOT_REPLAYABLE, None), strict=False):
        name = task.task_id
        recorded.answers[name] = (Answer(task_id=name, sample=0, text="t"),)
        if kind is not None:
            recorded.grades[name, 0] = Grade(kind=kind, why="")
    found = summarize(plan, HumanEval(Path("/d")), tasks, recorded)
    assert (found.counted, found.solved.value, found.complete) == (1, 1.0, False)
    assert any("2 of 4 tasks have no grade yet" in note for note in found.notes)
    assert any("1 of 4 tasks show nothing here" in note for note in found.notes)
