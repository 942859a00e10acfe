"""`repair list` and `repair show`: what earlier runs found."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from rich.table import Table
from rich.text import Text

from agent.errors import AgentError
from agent.patches.changes import diff_bytes
from agent.records import RepairResult
from agent.runs.folder import RunSummary, list_runs, load_result, run_folder
from agent.runs.result_file import printed_result
from agent.runs.trajectory import read_trajectory
from agent.runs.trajectory_text import in_full
from agent.serialization import plain
from agent.untrusted_text import shortened
from agent.wording import duration
from cli.delivery.sarif import write_sarif
from cli.display.console import make_console
from cli.display.progress.watch import guarded
from cli.display.result import Delivery, render, render_alternatives
from cli.errors import BadInput
from cli.exit_codes import ExitCode, of_status
from cli.options.arguments import check_output, is_url
from cli.options.settings import read_settings

STATUS_STYLES = {
    "repaired": "green",
    "plausible": "yellow",
    "repaired_in_part": "yellow",
    "nothing_to_fix": "green",
    "running": "cyan",
    "interrupted": "yellow",
}
SHOWN_STATUS = {"cancelled": "interrupted"}
"""As the headline of its result says it."""
UNFINISHED = ("running", "interrupted", "failed")


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


def run_show(
    run_or_file: str | None,
    *,
    as_json: bool,
    patch: bool,
    alternatives: bool,
    sarif: Path | None = None,
) -> int:
    def work(_log: object) -> int:
        check_output(sarif, "--sarif")
        settings = read_settings()
        run_id = run_or_file or _newest(list_runs(settings), with_patch=patch)
        result = load_result(settings, run_id)
        if sarif is not None:
            write_sarif(sarif, result, _delivery(run_id).target or "")
        if as_json:
            print(_text(run_id, result))
        elif patch:
            _write_patch(result)
        else:
            console = make_console(sys.stdout)
            render(console, result, _delivery(run_id))
            if alternatives:
                render_alternatives(console, result)
        return ExitCode.OK

    return guarded(work, as_json=as_json)


def run_log(run_id: str | None, *, as_json: bool) -> int:
    """`repair show --log`: the trajectory of a run, also of one that goes on or was killed."""

    def work(_log: object) -> int:
        settings = read_settings()
        chosen_id = run_id or _latest(list_runs(settings))
        path = run_folder(settings, chosen_id).trajectory
        steps = read_trajectory(path)
        if not steps:
            raise BadInput(f"The run {chosen_id} asked no model, so there is nothing to show.")
        lines = (json.dumps(plain(step)) for step in steps) if as_json else in_full(steps)
        for line in lines:
            print(line)
        return ExitCode.OK

    return guarded(work, as_json=as_json)


def _newest(rows: list[RunSummary], *, with_patch: bool) -> str:
    """The newest run that has a result, or the newest that has a patch."""
    for row in rows:
        if row.status not in UNFINISHED and (row.patch or not with_patch):
            return row.run_id
    kind = "run with a patch" if with_patch else "finished run"
    raise BadInput(f"There is no {kind} yet; `repair PATH` makes one.")


def _latest(rows: list[RunSummary]) -> str:
    """The newest run, however far it came."""
    if not rows:
        raise BadInput("There is no run yet; `repair PATH` makes one.")
    return rows[0].run_id


def _text(run_or_file: str, result: RepairResult) -> str:
    path = Path(run_or_file) if Path(run_or_file).is_file() else result.result_path
    return printed_result(path, of_status(result.status)) if path else ""


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
    patch_file = folder.patch if folder.patch.is_file() else None
    return Delivery(saved=patch_file, target=None if is_url(target) else target)


def _status(status: str) -> Text:
    word = SHOWN_STATUS.get(status, status)
    return Text(word.replace("_", " "), style=STATUS_STYLES.get(word, "red"))


def _table(rows: list[RunSummary]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("RUN", "STARTED", "STATUS", "TOOK", "TARGET", "PATCH"):
        width = len(rows[0].run_id) if heading == "RUN" else 16 if heading == "STARTED" else None
        table.add_column(heading, no_wrap=True, overflow="ellipsis", min_width=width)
    for row in rows:
        start_text = time.strftime("%Y-%m-%d %H:%M", time.localtime(row.started))
        table.add_row(
            Text(row.run_id),
            Text(start_text),
            _status(row.status),
            Text(duration(row.seconds) if row.seconds else ""),
            Text(shortened(row.target, 40)),
            Text(shortened(row.patch, 60)),
        )
    return table
