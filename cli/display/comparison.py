"""Evaluations side by side, on the terminal."""

from __future__ import annotations

import sys

from rich.table import Table
from rich.text import Text

from agent.evaluation.report.run_comparison import PairedDifference, RunComparison
from cli.display.console import make_console
from cli.display.evaluation import safe, share_text, who


def render_comparison(comparison: RunComparison) -> None:
    console = make_console(sys.stdout)
    console.print(_runs(comparison))
    console.print(
        Text(
            f"\n{len(comparison.common):,} tasks in common, by the first answer to each",
            style="bold",
        )
    )
    console.print(_differences(comparison.differences))
    for difference in comparison.differences:
        console.print(safe(difference.sentence), soft_wrap=True)


def _runs(comparison: RunComparison) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", "RUN", "ANSWERED BY", "SOLVED (95 % INTERVAL)", "TOKENS"):
        table.add_column(heading)
    for number, summary in enumerate(comparison.runs, start=1):
        table.add_row(
            str(number),
            safe(summary.plan.run_id),
            safe(who(summary)),
            share_text(summary.solved),
            f"{summary.completion_tokens:,}",
        )
    return table


def _differences(differences: tuple[PairedDifference, ...]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("PAIR", "DIFFERENCE (95 % INTERVAL)", "P (MCNEMAR)", "BOTH", "NEITHER"):
        table.add_column(heading)
    for row in differences:
        low, high = row.interval
        table.add_row(
            f"{row.first + 1} - {row.second + 1}",
            f"{row.difference * 100:+.1f} points ({low * 100:+.1f} to {high * 100:+.1f})",
            f"{row.p_value:.3g}",
            f"{row.pairs.both:,}",
            f"{row.pairs.neither:,}",
        )
    return table
