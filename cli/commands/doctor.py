"""`repair doctor`: what this machine has and lacks."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from rich.table import Table
from rich.text import Text

from agent.untrusted_text import printable
from cli.display.console import make_console
from cli.display.log import RunLog
from cli.display.progress.watch import guarded
from cli.doctor.findings import Finding, State
from cli.doctor.limits import LimitExamination, examine_limits
from cli.doctor.machine import examine
from cli.exit_codes import ExitCode
from cli.options.settings import read_settings

OPTIONAL = "optional"
"""Of what is not there and a repair does without, in place of its state."""
FINDING_STYLES = {
    State.OK: "green",
    State.PARTLY: "yellow",
    State.MISSING: "yellow",
    State.BROKEN: "red",
}


def run_doctor(*, as_json: bool) -> int:
    def work(_log: RunLog) -> int:
        report = examine(read_settings())
        if as_json:
            findings = [asdict(finding) for finding in report.findings]
            print(json.dumps({"can_repair": report.can_repair, "findings": findings}))
        else:
            _tell(report.findings, report.can_repair)
        return ExitCode.OK if report.can_repair else ExitCode.INFRASTRUCTURE

    return guarded(work, as_json=as_json)


def run_deep_doctor(*, as_json: bool, runtime: str | None) -> int:
    """Exit code 1 when a limit is not enforced, 3 when there is no sandbox to try."""

    def work(_log: RunLog) -> int:
        examinations = []
        for new_examination in examine_limits(read_settings(runtime)):
            examinations.append(new_examination)
            if not as_json:
                _tell_limits(new_examination)
        if as_json:
            print(
                json.dumps(
                    {"sandboxes": [_limits_record(examination) for examination in examinations]}
                )
            )
        if not examinations:
            return ExitCode.INFRASTRUCTURE
        return (
            ExitCode.OK
            if all(examination.report.ok for examination in examinations)
            else ExitCode.NOT_REPAIRED
        )

    return guarded(work, as_json=as_json)


def _limits_record(examined: LimitExamination) -> dict[str, Any]:
    report = examined.report
    rows = [asdict(row) for row in report.rows]
    return {
        "sandbox": report.sandbox,
        "engine": examined.engine.found,
        "enforced": report.ok,
        "limits": rows,
    }


def _tell_limits(examined: LimitExamination) -> None:
    console, report = make_console(sys.stdout), examined.report
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for row in report.rows:
        verdict = (
            Text("enforced", style="green") if row.ok else Text("NOT ENFORCED", style="bold red")
        )
        table.add_row(verdict, Text(row.name), Text(printable(row.detail)))
    console.print(Text(printable(f"{report.sandbox} ({examined.engine.found})"), style="bold"))
    console.print(table)
    failure_count = sum(not row.ok for row in report.rows)
    console.print(Text(f"{len(report.rows) - failure_count} of {len(report.rows)} hold.\n"))


def _tell(findings: tuple[Finding, ...], can_repair: bool) -> None:
    console = make_console(sys.stdout)
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        is_optional = finding.state is State.MISSING and finding.needed_for
        text = Text(printable(finding.found))
        if is_optional:
            text.append(f"; not needed for a repair, only for {finding.needed_for}")
        if finding.advice:
            text.append(f"\n→ {printable(finding.advice)}", style="cyan")
        word = OPTIONAL if is_optional else finding.state
        style = "dim" if is_optional else FINDING_STYLES[finding.state]
        table.add_row(Text(word, style=style), Text(finding.name), text)
    console.print(table)
    if can_repair:
        console.print(Text("`repair` can work on this machine.", style="bold green"))
    else:
        console.print(Text("`repair` cannot work here yet; see → above.", style="bold red"))
