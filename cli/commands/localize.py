"""`repair localize <repo>`: the ranking of suspicious places, useful by itself."""

from __future__ import annotations

import json
import re
import sys
import threading
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from agent.events import Event, Listener, StageEnded
from agent.records import RepairResult, Status, SuspiciousLine
from agent.runs.folder import RunFolder, new_folder
from agent.untrusted_text import printable, shortened
from cli.delivery.deliver import base_of
from cli.delivery.sarif import write_sarif
from cli.display.console import make_console, say
from cli.display.interrupt import ignore_signals
from cli.display.log import RunLog
from cli.display.progress.watch import Watch, Work, guarded
from cli.display.result import Delivery, render
from cli.errors import ApplyRefused, BadInput
from cli.exit_codes import ExitCode, of_status
from cli.options import arguments
from cli.options.request import DeliveryOptions, DisplayOptions, LocalizeRequest
from cli.options.settings import read_settings
from sandbox.snapshots.snapshot import Snapshot

MAX_SOURCE_CHARACTERS = 80
HOT, WARM = 0.8, 0.5
"""Scores from which a line is shown as very suspicious, and as suspicious."""
_LINE_END = re.compile(r"\r\n|\r|\n")  # as Python counts lines


def run_localize(
    request: LocalizeRequest,
    display_options: DisplayOptions,
    *,
    top: int,
    sarif: Path | None = None,
) -> int:
    def work(log: RunLog) -> int:
        if top < 1:
            raise BadInput(f"--top {top} shows nothing; give 1 or more.")
        job = request.job(DeliveryOptions(sarif=sarif))
        settings = read_settings(request.runtime, arguments.check_hosts(request.allow_host))
        folder = new_folder(settings, job.run_id)
        log.path = folder.log
        from agent.run import start  # after the arguments: it imports the stages

        watch = Watch(
            run_id=job.run_id,
            max_seconds=job.budget.max_seconds,
            on_stop="Stopping; a ranking of what was recorded so far would mislead. Once more to "
            "stop at once.",
            as_json=display_options.as_json,
            verbose=display_options.verbose,
        )
        go = partial(start, job, settings, login=request.login)
        result = watch.run(_until_localized(go), log)
        if sarif is not None:
            write_sarif(sarif, replace(result, suspicious=result.suspicious[:top]), job.target)
        return _tell(result, folder, top, display_options.as_json)

    return guarded(work, as_json=display_options.as_json)


def _until_localized(work: Work) -> Work:
    """End the repair after `localize`; `repair resume` can go on from there."""

    def bounded(listen: Listener, stop: threading.Event) -> RepairResult:
        def listening(event: Event) -> None:
            listen(event)
            if isinstance(event, StageEnded) and event.stage == "localize":
                stop.set()

        return work(listening, stop)

    return bounded


def _tell(result: RepairResult, folder: RunFolder, top: int, as_json: bool) -> int:
    ignore_signals()
    lines = result.suspicious[:top]
    code = ExitCode.OK if lines else of_status(result.status)
    if as_json:
        print(json.dumps(_record(result, lines, code)))
    elif lines:
        console = make_console(sys.stdout)
        console.print(_table(lines, folder))
        if not _is_whole(result):
            say(f"warning: {printable(result.reason)}: the ranking may lack what was not recorded")
        say(f"`repair resume {result.run_id}` goes on from here and looks for a patch.")
    else:
        render(make_console(sys.stdout), result, Delivery())
    return code


def _is_whole(result: RepairResult) -> bool:
    """Whether it was this command that ended the run, after the ranking: no limit of time."""
    return result.status is not Status.BUDGET_EXHAUSTED


def _record(
    result: RepairResult, lines: tuple[SuspiciousLine, ...], code: ExitCode
) -> dict[str, Any]:
    """`localized` with the places, or how the repair ended before there were any."""
    return {
        "run_id": result.run_id,
        "status": "localized" if lines else result.status.value,
        "exit_code": int(code),
        "reason": "" if lines and _is_whole(result) else result.reason,
        "places": [asdict(line) for line in lines],
    }


def _table(lines: tuple[SuspiciousLine, ...], folder: RunFolder) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("PLACE", no_wrap=True)
    for heading in ("SCORE", "OCHIAI", "DSTAR"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("SOURCE")
    table.add_column("REASONS")
    base = _base(folder)
    for line in lines:
        table.add_row(
            Text(f"{printable(line.path)}:{line.line}{_to(line)}"),
            Text(f"{line.score:.3f}", style=_heat(line.score)),
            Text(f"{line.ochiai:.3f}"),
            Text(f"{line.dstar:.3g}"),
            _coloured(_source(base, line)),
            Text(printable(", ".join(line.reasons)), style="dim"),
        )
    return table


def _heat(score: float) -> str:
    return "bold red" if score >= HOT else "yellow" if score >= WARM else "dim"


def _coloured(source: str) -> Text:
    """A line of Python as an editor shows it; the colours are those of the terminal's theme."""
    text = Syntax("", "python", theme="ansi_dark", background_color="default").highlight(source)
    text.rstrip()
    return text


def _to(line: SuspiciousLine) -> str:
    """The end of a statement over several lines: any of them may be meant."""
    return f"-{line.last_line}" if line.last_line else ""


def _base(folder: RunFolder) -> Snapshot | None:
    """The files the run worked on; the table can do without them."""
    try:
        return base_of(folder)
    except (ApplyRefused, OSError, ValueError):
        return None


def _source(base: Snapshot | None, line: SuspiciousLine) -> str:
    try:
        text = base.text(line.path).text if base is not None else ""
    except (OSError, ValueError):
        return ""
    lines = _LINE_END.split(text)
    return (
        shortened(lines[line.line - 1].strip(), MAX_SOURCE_CHARACTERS)
        if line.line <= len(lines)
        else ""
    )
