"""`repair localize <repo>`: the ranking of suspicious places, useful by itself."""

from __future__ import annotations

import json
import re
import sys
import threading
from dataclasses import asdict
from functools import partial

from rich.table import Table
from rich.text import Text

from agent.events import Event, Listener, StageEnded
from agent.printable import printable, shortened
from agent.records import RepairResult, SuspiciousLine
from agent.runs.folder import RunFolder, new_folder
from cli.delivery.deliver import base_of
from cli.display.console import make_console, say
from cli.display.interrupt import ignore_signals
from cli.display.log import RunLog
from cli.display.result import Delivery, render
from cli.display.watch import Watch, Work, guarded
from cli.errors import ApplyRefused, BadInput
from cli.exit_codes import ExitCode, of_status
from cli.options import arguments
from cli.options.request import LocalizeRequest, Shown, Wish
from cli.options.settings import read_settings
from sandbox.snapshots.snapshot import Snapshot

MAX_SOURCE_CHARACTERS = 80
_LINE_END = re.compile(r"\r\n|\r|\n")  # as Python counts lines


def run_localize(request: LocalizeRequest, output_options: Shown, *, top: int) -> int:
    def work(log: RunLog) -> int:
        if top < 1:
            raise BadInput(f"--top {top} shows nothing; give 1 or more.")
        job = request.job(Wish())
        settings = read_settings(request.runtime, arguments.check_hosts(request.allow_host))
        folder = new_folder(settings, job.run_id)
        log.path = folder.log
        from agent.run import start  # after the arguments: it imports LangGraph

        watch = Watch(
            run_id=job.run_id,
            max_seconds=job.budget.max_seconds,
            as_json=output_options.as_json,
            verbose=output_options.verbose,
        )
        result = watch.run(_until_localized(partial(start, job, settings)), log)
        return _tell(result, folder, top, output_options.as_json)

    return guarded(work, as_json=output_options.as_json)


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
    if as_json:
        print(json.dumps({"run_id": result.run_id, "places": [asdict(line) for line in lines]}))
    elif lines:
        console = make_console(sys.stdout)
        console.print(_table(lines, folder))
        say(f"`repair resume {result.run_id}` goes on from here and looks for a patch.")
    else:
        render(make_console(sys.stdout), result, Delivery())
    return ExitCode.OK if lines else of_status(result.status)


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
            Text(f"{line.score:.3f}"),
            Text(f"{line.ochiai:.3f}"),
            Text(f"{line.dstar:.3g}"),
            Text(_source(base, line)),
            Text(printable(", ".join(line.reasons)), style="dim"),
        )
    return table


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
