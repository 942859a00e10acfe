"""`repair evaluate SUITE` and what is about earlier evaluations."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from agent.config import Settings
from agent.errors import AgentError
from agent.evaluation.errors import DataUnreadable
from agent.evaluation.evaluate import check_data, check_way, chosen_tasks, digest_of, run_evaluation
from agent.evaluation.log import LogContents, read_log
from agent.evaluation.report.comparison_page import comparison_page
from agent.evaluation.report.files import (
    read_summary,
    summary_json,
    write_files,
    write_predictions,
)
from agent.evaluation.report.page import page_of
from agent.evaluation.report.run_comparison import compare_runs
from agent.evaluation.report.summarize import summarize
from agent.evaluation.report.summary import Summary
from agent.evaluation.retention import prune_evaluations
from agent.evaluation.run_folder import (
    EvaluationFolder,
    any_folder,
    list_evaluations,
    new_evaluation_folder,
    own_folder,
)
from agent.evaluation.suites.opening import open_suite
from agent.evaluation.suites.projects import swe_bench
from agent.evaluation.suites.projects.own_history import OwnHistory
from agent.serialization import plain
from agent.untrusted_text import printable_lines, shortened
from cli.delivery.output_file import write_output
from cli.display.comparison import render_comparison
from cli.display.console import make_console, say
from cli.display.evaluation import TallyDisplay, render_summary, safe, share_text, who
from cli.display.interrupt import ignore_signals, run_interruptible
from cli.display.progress.watch import guarded
from cli.errors import BadInput
from cli.exit_codes import ExitCode
from cli.options.evaluation import EvaluateRequest
from cli.options.settings import read_settings


def run_evaluate(suite_name: str, request: EvaluateRequest, *, as_json: bool) -> int:
    def work(_log: object) -> int:
        settings = read_settings(request.runtime)
        plan = request.plan(suite_name, settings.model_url)
        suite = open_suite(plan)
        check_way(suite, plan)
        if isinstance(suite, OwnHistory):  # what is committed meanwhile is another evaluation's
            plan = replace(plan, at=suite.commit())
            suite = open_suite(plan)
        tasks = chosen_tasks(suite, plan)
        plan = replace(plan, data_sha256=digest_of(tasks))
        for sentence in prune_evaluations(settings):
            say(sentence)
        folder = new_evaluation_folder(settings, plan.run_id)
        folder.save_plan(plan)
        return _run(folder, settings, as_json=as_json)

    return guarded(work, as_json=as_json)


def run_resume_evaluation(run: str, *, as_json: bool) -> int:
    def work(_log: object) -> int:
        return _run(*_opened(run), as_json=as_json)

    return guarded(work, as_json=as_json)


def run_grade(run: str, *, as_json: bool) -> int:
    def work(_log: object) -> int:
        return _run(*_opened(run), as_json=as_json, again=True)

    return guarded(work, as_json=as_json)


def _opened(run: str) -> tuple[EvaluationFolder, Settings]:
    """An earlier evaluation, with the settings that it began with."""
    folder = own_folder(read_settings(), run)
    return folder, read_settings(folder.load_plan().runtime)


def run_show_evaluation(run: str, *, task: str | None, as_json: bool) -> int:
    def work(_log: object) -> int:
        folder = any_folder(read_settings(), run)
        if task is not None:
            return _show_task(folder, task, as_json=as_json)
        _tell(folder, as_json=as_json)
        return ExitCode.OK

    return guarded(work, as_json=as_json)


def run_list_evaluations(*, as_json: bool) -> int:
    def work(_log: object) -> int:
        summaries = [s for f in list_evaluations(read_settings()) if (s := _readable(f))]
        if as_json:
            print(json.dumps([_row(summary) for summary in summaries]))
        elif summaries:
            make_console(sys.stdout).print(_table(summaries))
        else:
            print("There are no evaluations yet; `repair evaluate SUITE DATA` makes one.")
        return ExitCode.OK

    return guarded(work, as_json=as_json)


def run_compare(runs: Sequence[str], *, page: str | None, as_json: bool) -> int:
    def work(_log: object) -> int:
        if len(runs) < 2:
            raise BadInput("Name two evaluations or more; `repair evaluate list` shows them.")
        settings = read_settings()
        comparison = compare_runs([_summary(any_folder(settings, run)) for run in runs])
        if page is not None:
            write_output(Path(page), comparison_page(comparison).encode(), "--page")
        if as_json:
            print(json.dumps(plain(comparison)))
        else:
            render_comparison(comparison)
        return ExitCode.OK

    return guarded(work, as_json=as_json)


def _run(
    folder: EvaluationFolder, settings: Settings, *, as_json: bool, again: bool = False
) -> int:
    stop = threading.Event()
    go_on = f"`repair evaluate resume {folder.run_id}` goes on."
    if again:  # what was graded again is not told from what was graded before
        go_on = f"`repair evaluate grade {folder.run_id}` begins again."
    display = TallyDisplay(sys.stderr if as_json else sys.stdout)

    def evaluate() -> None:
        run_evaluation(folder, settings, stop, display, display.say, again=again)

    with display:
        run_interruptible(
            evaluate,
            stop,
            on_first=lambda: say(f"Stopping; what was graded is kept. {go_on}"),
            on_second=lambda: say(f"Stopped at once. {go_on}"),
        )
    ignore_signals()
    summary = _tell(folder, as_json=as_json)
    if stop.is_set():
        return ExitCode.INTERRUPTED
    return ExitCode.OK if summary.complete else ExitCode.INFRASTRUCTURE


def _tell(folder: EvaluationFolder, *, as_json: bool) -> Summary:
    """Write the files of what is there, and show it."""
    summary = _summary(folder)
    write_files(folder, summary, page_of(summary))
    if summary.plan.suite == swe_bench.FACTS.name:
        write_predictions(folder, summary.plan, _recorded(folder))
    if as_json:
        print(json.dumps(summary_json(summary)), flush=True)
    else:
        render_summary(summary, str(folder.path))
    return summary


def _summary(folder: EvaluationFolder) -> Summary:
    """Of the log as it is; where the data is gone, as it was written last.

    Raises EvaluationError.
    """
    plan = folder.load_plan()
    try:
        suite = open_suite(plan)
        tasks = chosen_tasks(suite, plan)
        check_data(tasks, plan)
    except DataUnreadable:
        if folder.summary.exists():
            return read_summary(folder.summary)
        raise
    return summarize(plan, suite, tasks, _recorded(folder))


def _recorded(folder: EvaluationFolder) -> LogContents:
    return read_log(folder.log) if folder.log.exists() else LogContents()


def _readable(folder: EvaluationFolder) -> Summary | None:
    """As it was written last; None for one that was killed before, or is damaged."""
    try:
        return read_summary(folder.summary) if folder.summary.exists() else _summary(folder)
    except AgentError:
        return None


def _show_task(folder: EvaluationFolder, task: str, *, as_json: bool) -> int:
    record = _recorded(folder)
    answers = record.answers.get(task, ())
    if not answers:
        raise BadInput(f"The evaluation has no answer to {shortened(task, 100)!r}.")
    grades = [record.grades.get((task, answer.sample)) for answer in answers]
    if as_json:
        pairs = zip(answers, grades, strict=True)
        print(json.dumps([{"answer": plain(a), "grade": g and plain(g)} for a, g in pairs]))
        return ExitCode.OK
    for answer, grade in zip(answers, grades, strict=True):
        state = "not graded yet" if grade is None else f"{grade.kind.value}: {grade.why}"
        print(f"answer {answer.sample + 1}: {shortened(state, 200)}")
        for line in printable_lines(answer.text or answer.note):
            print(f"    {line}")
    return ExitCode.OK


def _row(summary: Summary) -> dict[str, Any]:
    return {
        "run_id": summary.plan.run_id,
        "suite": summary.plan.suite,
        "answered_by": who(summary),
        "tasks": summary.tasks,
        "solved": summary.solved.value,
        "interval": summary.solved.interval,
        "complete": summary.complete,
    }


def _table(summaries: Sequence[Summary]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("RUN", "SUITE", "ANSWERED BY", "TASKS", "SOLVED (95 % INTERVAL)", ""):
        table.add_column(heading, no_wrap=True, overflow="ellipsis")
    for summary in summaries:
        table.add_row(
            safe(summary.plan.run_id),
            safe(summary.plan.suite),
            Text(shortened(who(summary), 50)),
            Text(f"{summary.tasks:,}"),
            Text(share_text(summary.solved)),
            Text("" if summary.complete else "unfinished", style="yellow"),
        )
    return table
