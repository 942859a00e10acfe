"""Several evaluations of the same tasks as a page."""

from __future__ import annotations

from collections.abc import Sequence

from agent.evaluation.report.page import answered_by
from agent.evaluation.report.parts import card, page, percent, table
from agent.evaluation.report.plots import Bar, bars, differences, heat_map
from agent.evaluation.report.run_comparison import PairedDifference, RunComparison
from agent.evaluation.report.summary import Summary
from agent.evaluation.report.svg import element, shown


def comparison_page(comparison: RunComparison) -> str:
    """The whole page, which loads nothing from anywhere."""
    runs = comparison.runs
    names = [f"{number} {_short(run)}" for number, run in enumerate(runs, start=1)]
    shares = [Bar(label=name, share=run.solved) for name, run in zip(names, runs, strict=True)]
    rows = [(_pair(pair), pair.difference, pair.interval) for pair in comparison.differences]
    sentences = "".join(element("p", shown(pair.sentence)) for pair in comparison.differences)
    heat = [(name, _solved(run)) for name, run in zip(names, runs, strict=True)]
    cards = (
        card("Solved, with 95 % intervals", bars(shares)),
        card("Differences, in points, with Tango's 95 % intervals", differences(rows) + sentences),
        card("Task by task", heat_map(heat, comparison.common), wide=True),
        card("Pairs", _pairs(comparison.differences), wide=True),
        card("Cost", _cost(names, runs), wide=True),
    )
    content = element("div", "".join(cards), class_="cards")
    below = f"{len(comparison.common):,} tasks that all have; pairs are of the first answer to each"
    return page(f"{runs[0].title}, side by side", below, content)


def _short(run: Summary) -> str:
    """The last part of a path or of a name with its maker."""
    return answered_by(run).rstrip("/").rpartition("/")[2]


def _pair(one: PairedDifference) -> str:
    return f"{one.first + 1} minus {one.second + 1}"


def _solved(run: Summary) -> dict[str, float]:
    return {row.task_id: row.solved / row.samples for row in run.rows if row.samples}


def _pairs(rows: Sequence[PairedDifference]) -> str:
    headings = ("", "both", "first only", "second only", "neither", "P (McNemar)", "tasks needed")
    cells = (
        (
            _pair(row),
            *(f"{n:,}" for n in (row.pairs.both, row.pairs.first, row.pairs.second)),
            f"{row.pairs.neither:,}",
            f"{row.p_value:.3g}",
            "" if row.tasks_needed is None else f"{row.tasks_needed:,}",
        )
        for row in rows
    )
    return table(headings, cells, range(1, 7))


def _cost(names: Sequence[str], runs: Sequence[Summary]) -> str:
    rows = (
        (
            shown(name),
            percent(run.solved.value),
            f"{run.completion_tokens:,}",
            f"{run.seconds:,.0f}",
            "" if run.tokens_per_second is None else f"{run.tokens_per_second:,.1f}",
            "" if run.gpu_seconds is None else f"{run.gpu_seconds:,.0f}",
            "" if run.money is None else f"{run.money:,.2f}",
        )
        for name, run in zip(names, runs, strict=True)
    )
    headings = ("", "solved", "tokens", "seconds", "tokens a second", "GPU seconds", "money")
    return table(headings, rows, range(1, 7))
