"""`repair verify RESULT.json`: take the verdict again from its evidence."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from rich.text import Text

from agent.events import Event
from agent.printable import printable
from agent.records import Verdict
from agent.wording import counted, duration
from cli.display.console import make_console
from cli.display.log import RunLog
from cli.display.plain import PlainDisplay
from cli.display.watch import guarded
from cli.errors import BadInput
from cli.exit_codes import ExitCode
from cli.options import arguments
from cli.options.request import VerifyRequest
from cli.options.settings import read_settings


def run_verify(result: str, request: VerifyRequest, *, as_json: bool, verbose: bool) -> int:
    def work(log: RunLog) -> int:
        path = Path(result)
        if not path.is_file():
            raise BadInput(f"There is no file {printable(result)}; give a result.json of a run.")
        from agent.verify import verify  # after the arguments: it imports LangGraph

        terms = request.terms()
        settings = read_settings(request.runtime, arguments.check_hosts(request.allow_host))
        log.path = settings.state_dir / "verify-log.txt"
        display = PlainDisplay(sys.stderr, verbose=verbose)

        def listen(event: Event) -> None:
            log(event)
            if verbose or not as_json:
                display(event)

        verdict = verify(path, terms, settings, listen)
        _tell(verdict, as_json)
        return ExitCode.OK if verdict.plausible else ExitCode.NOT_REPAIRED

    return guarded(work, as_json=as_json)


def _tell(verdict: Verdict, as_json: bool) -> None:
    if as_json:
        print(json.dumps(asdict(verdict)))
        return
    console = make_console(sys.stdout)
    if verdict.plausible:
        summary = (
            f"{counted(len(verdict.fail_to_pass), 'test')} that failed now "
            f"{'passes' if len(verdict.fail_to_pass) == 1 else 'pass'}, "
            f"{len(verdict.pass_to_pass):,} still pass ({duration(verdict.seconds)})"
        )
        console.print(Text("Confirmed: ", style="bold green").append(summary, style="none"))
        return
    console.print(Text("Not confirmed:", style="bold red"))
    for objection in verdict.objections:
        console.print(Text(f"  {printable(objection)}"), soft_wrap=True)
