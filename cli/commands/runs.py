"""`repair list` and `repair show`: what earlier runs found."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from agent.errors import AgentError
from agent.patches.changes import diff_bytes
from agent.printable import printable, shortened
from agent.records import RepairResult
from agent.runs.folder import RunSummary, list_runs, load_result, run_folder
from agent.runs.result_file import printed_result
from agent.wording import duration
from cli.display.console import make_console
from cli.display.result import Delivery, render, render_diff
from cli.display.watch import guarded
from cli.errors import BadInput
from cli.exit_codes import ExitCode
from cli.options.arguments import is_url
from cli.options.settings import read_settings

STATUS_STYLES = {
    "repaired": "green",
    "nothing_to_fix": "green",
    "running": "cyan",
    "interrupted": "yellow",
}


def run_list(*, as_json: bool) -> int:
    def work(_log: object) -> int:
        rows = list_runs(read_settings())
        if as_json:
            print(json.dumps([asdict(row) for row in rows]))
        elif rows:
            make_console(sys.stdout).print(_table(rows))
        else:
            print("There are no runs yet; `repair PATH` makes one.")
        return ExitCode.OK

    return guarded(work, as_json=as_json)


def run_show(run_or_file: str | None, *, as_json: bool, patch: bool, alternatives: bool) -> int:
    def work(_log: object) -> int:
        settings = read_settings()
        run_id = run_or_file or _newest(list_runs(settings))
        result = load_result(settings, run_id)
        if as_json:
            print(_text(run_id, result))
        elif patch:
            _write_patch(result)
        else:
            console = make_console(sys.stdout)
            render(console, result, _delivery(run_id))
            if alternatives:
                _render_alternatives(console, result)
        return ExitCode.OK

    return guarded(work, as_json=as_json)


def _newest(rows: list[RunSummary]) -> str:
    for row in rows:
        if row.status not in ("running", "interrupted"):
            return row.run_id
    raise BadInput("There is no finished run yet; `repair PATH` makes one.")


def _text(run_or_file: str, result: RepairResult) -> str:
    path = Path(run_or_file) if Path(run_or_file).is_file() else result.result_path
    return printed_result(path) if path else ""


def _write_patch(result: RepairResult) -> None:
    """The bytes of the patch and nothing else, for `| git apply`."""
    if result.patch is None:
        raise BadInput(f"The run {result.run_id} found no patch ({result.status.value}).")
    sys.stdout.buffer.write(diff_bytes(result.patch.diff))
    sys.stdout.buffer.flush()


def _delivery(run_id: str) -> Delivery:
    """Where the patch of a run of this machine lies, and what it is for."""
    try:
        folder = run_folder(read_settings(), run_id)
        target = folder.load_job().target
    except AgentError:
        return Delivery()
    saved = folder.patch if folder.patch.is_file() else None
    return Delivery(saved=saved, target=None if is_url(target) else target)


def _render_alternatives(console: Console, result: RepairResult) -> None:
    for number, alternative in enumerate(result.alternatives, start=1):
        heading = f"Alternative {number}: {printable(alternative.candidate.description)}"
        console.print(Text(f"\n{heading}", style="bold"), soft_wrap=True)
        for caution in alternative.cautions:
            console.print(Text(f"caution: {printable(caution)}", style="yellow"), soft_wrap=True)
        render_diff(console, alternative.diff)


def _table(rows: list[RunSummary]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("RUN", "STARTED", "STATUS", "TOOK", "TARGET", "PATCH"):
        fixed = len(rows[0].run_id) if heading == "RUN" else 16 if heading == "STARTED" else None
        table.add_column(heading, no_wrap=True, overflow="ellipsis", min_width=fixed)
    for row in rows:
        start_text = time.strftime("%Y-%m-%d %H:%M", time.localtime(row.started))
        table.add_row(
            Text(row.run_id),
            Text(start_text),
            Text(row.status.replace("_", " "), style=STATUS_STYLES.get(row.status, "red")),
            Text(duration(row.seconds) if row.seconds else ""),
            Text(shortened(row.target, 40)),
            Text(shortened(row.patch, 60)),
        )
    return table
