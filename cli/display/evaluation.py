"""The progress of an evaluation, and its table."""

from __future__ import annotations

import sys
import threading
import time
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from agent.evaluation.progress import Tally
from agent.evaluation.report.summary import ClaimRow, Share, Summary
from agent.untrusted_text import printable, shortened
from agent.wording import counted, duration
from cli.display.console import animated, make_console

PLAIN_INTERVAL_SECONDS = 10.0
BAR_CHARACTERS = 24


class TallyDisplay:
    """One line that changes on a terminal; else a line every few seconds."""

    def __init__(self, stream: TextIO) -> None:
        self._console: Console = make_console(stream)
        self._live = Live(console=self._console, transient=True, auto_refresh=False)
        self._moving = animated(self._console)
        self._said = time.monotonic()
        self._guard = threading.Lock()

    def __enter__(self) -> TallyDisplay:
        if self._moving:
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._moving:
            self._live.stop()

    def say(self, text: str) -> None:
        """A sentence of the work itself, above the line."""
        self._console.print(Text(printable(text), style="dim"), soft_wrap=True)

    def __call__(self, tally: Tally) -> None:
        with self._guard:
            if self._moving:
                self._live.update(tally_line(tally), refresh=True)
            elif time.monotonic() - self._said >= PLAIN_INTERVAL_SECONDS:
                self._said = time.monotonic()
                self._console.print(tally_line(tally), soft_wrap=True)


def tally_line(tally: Tally) -> Text:
    """`████──── 41/164 graded  38 solved  1 failed  52,310 tokens  3 min 05 s left`."""
    share = tally.graded / tally.answers if tally.answers else 1.0
    bar_length = round(BAR_CHARACTERS * min(1.0, share))
    line = Text("█" * bar_length, style="cyan")
    line.append("─" * (BAR_CHARACTERS - bar_length), style="dim")
    line.append(f" {tally.graded:,}/{tally.answers:,} graded", style="bold")
    line.append(f"  {tally.solved:,} solved", style="green")
    line.append(f"  {tally.answered:,}/{tally.tasks:,} tasks answered", style="dim")
    if tally.failed:
        line.append(f"  {tally.failed:,} could not be", style="yellow")
    if tally.tokens:
        line.append(f"  {counted(tally.tokens, 'token')}", style="dim")
    if tally.seconds_left is not None:
        line.append(f"  {duration(tally.seconds_left)} left", style="dim")
    return line


def render_summary(summary: Summary, where: str) -> None:
    """The table that the command ends with."""
    console = make_console(sys.stdout)
    console.print(safe(_heading(summary), "bold"), soft_wrap=True)
    console.print(_figures(summary))
    if summary.claim is not None:
        console.print(claim_table(summary.claim))
        console.print(safe(summary.claim.sentence, "bold"), soft_wrap=True)
    for note in summary.notes:
        console.print(safe(note, "dim"), soft_wrap=True)
    console.print(safe(f"Log, tables and page: {where}", "dim"), soft_wrap=True)


def safe(text: str, style: str = "") -> Text:
    """Text of an evaluation that somebody else may have made: no escapes, and no markup."""
    return Text(printable(text), style=style)


def share_text(share: Share) -> str:
    """`84.1 % (77.8 to 88.9)`."""
    low, high = share.interval
    return f"{share.value * 100:.1f} % ({low * 100:.1f} to {high * 100:.1f})"


def who(summary: Summary) -> str:
    """Who answered, for people."""
    plan = summary.plan
    words = {
        "search": "the repair without a model",
        "reference": "the suite's own solutions",
        "buggy": "programs known to be wrong",
    }
    model = plan.model or plan.model_url or ""
    if plan.way.value == "loop":
        return shortened(f"the repair with {model}", 80)
    return words.get(plan.way.value, shortened(model, 80))


def claim_table(claim: ClaimRow) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("BENCHMARK", "CLAIMED", "MEASURED", "95 % INTERVAL"):
        table.add_column(heading)
    low, high = claim.measured.interval
    table.add_row(
        safe(claim.benchmark),
        safe(f"{claim.claimed * 100:.1f} % ({claim.model})"),
        f"{claim.measured.value * 100:.1f} %",
        f"{low * 100:.1f} to {high * 100:.1f} %",
    )
    return table


def _heading(summary: Summary) -> str:
    return f"{summary.title}: {counted(summary.tasks, 'task')}, answered by {who(summary)}"


def _figures(summary: Summary) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for k, share in summary.pass_at.items():
        table.add_row(f"pass@{k}", Text(share_text(share), style="bold green"))
    outcomes = ", ".join(
        f"{number:,} {kind.replace('_', ' ')}" for kind, number in summary.outcomes.items()
    )
    table.add_row("answers", safe(outcomes))
    for name, value in summary.scores.items():
        table.add_row(safe(name), f"{value:.2f}")
    if summary.completion_tokens:
        prompt, completion = summary.prompt_tokens, summary.completion_tokens
        table.add_row("tokens", f"{prompt:,} read, {completion:,} generated")
    if summary.tokens_per_second is not None:
        seconds = duration(summary.answering_seconds)
        table.add_row("speed", f"{summary.tokens_per_second:,.1f} tokens a second over {seconds}")
    if summary.gpu_seconds is not None:
        table.add_row("GPUs", f"{summary.gpu_seconds:,.0f} GPU seconds")
    if summary.money is not None:
        table.add_row("cost", f"{summary.money:,.2f}")
    if summary.completion_tokens or summary.median_seconds >= 1:
        median = duration(summary.median_seconds)
        table.add_row("time", f"{duration(summary.seconds)} of answering, the median {median}")
    return table
