"""`repair verify RUN|RESULT.json REPO`: take the verdict again from its evidence."""

from __future__ import annotations

import json
import math
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from agent.config import Settings
from agent.events import Listener
from agent.records import RepairResult, Status, Verdict, Verification
from agent.runs.folder import load_result, run_folder
from agent.runs.result_file import read_result
from agent.runs.stop import Interrupted
from agent.selection.announcement import is_in_part, verified_status
from agent.selection.confidence import likely
from agent.untrusted_text import printable
from agent.wording import counted, duration
from cli.display.console import make_console
from cli.display.interrupt import ignore_signals
from cli.display.log import RunLog
from cli.display.progress.watch import Stopped, Watch, guarded
from cli.errors import BadInput
from cli.exit_codes import of_status
from cli.options import arguments
from cli.options.request import VerifyRequest
from cli.options.settings import read_settings

if TYPE_CHECKING:
    from agent.runs.verification_terms import Terms

NO_VERDICT = "Stopped; there is no verdict."


def run_verify(result: str, request: VerifyRequest, *, as_json: bool, verbose: bool) -> int:
    def work(log: RunLog) -> int:
        settings = read_settings(request.runtime, arguments.check_hosts(request.allow_host))
        path = _result_path(result, settings)
        terms = request.terms()
        log.path = settings.state_dir / "verify-log.txt"
        verification = _watched(path, terms, settings, log, as_json=as_json, verbose=verbose)
        ignore_signals()
        stored_result = read_result(path)
        tell(verification, stored_result, path, as_json=as_json)
        return of_status(verified_status(verification, stored_result))

    return guarded(work, as_json=as_json)


def _result_path(result: str, settings: Settings) -> Path:
    """Of a run's id, or of a result file. Raises BadInput or RunNotFound."""
    path = Path(result)
    if path.is_file():
        return path
    if path.name != result or path.suffix == ".json":
        raise BadInput(f"There is no file {printable(result)}; give a run or its result.json.")
    load_result(settings, result)
    return run_folder(settings, result).result


def _watched(
    path: Path, terms: Terms, settings: Settings, log: RunLog, *, as_json: bool, verbose: bool
) -> Verification:
    from agent.verify import verify  # after the arguments: it imports the verdict

    def work(listen: Listener, stop: threading.Event) -> Verification:
        try:
            return verify(path, terms, settings, listen, stop)
        except Interrupted as error:
            raise Stopped(NO_VERDICT) from error

    watch = Watch(
        run_id="",
        max_seconds=terms.max_seconds or math.inf,
        on_stop="Stopping; there is no verdict. Once more to stop at once.",
        on_kill=NO_VERDICT,
        as_json=as_json,
        verbose=verbose,
        on_stderr=True,
    )
    return watch.run(work, log)


def tell(found: Verification, stored: RepairResult, path: Path, *, as_json: bool) -> None:
    """`stored`: what the file says of its patch, which can only lower what was found out here."""
    if as_json:
        print(json.dumps(_document(found, stored)))
        return
    console = make_console(sys.stdout)
    _tell_verdict(console, found, stored)
    console.print(Text(f"  the patch of {printable(str(path))}", style="dim"), soft_wrap=True)


def _tell_verdict(console: Console, found: Verification, stored: RepairResult) -> None:
    verdict = found.verdict
    if verdict.plausible:
        status = verified_status(found, stored)
        is_part = found.still_red or is_in_part(stored)
        heading = f"Confirmed{' in part' if is_part else ''}"
        heading += ", plausible only: " if status is Status.PLAUSIBLE else ": "
        style = "bold green" if status is Status.REPAIRED else "bold yellow"
        summary = f"{_passing(verdict)}{_against(found, stored)}"
        console.print(Text(heading, style=style).append(summary, style="none"))
        return
    console.print(Text("Not confirmed:", style="bold red"))
    for objection in verdict.objections:
        console.print(Text(f"  {printable(objection)}"), soft_wrap=True)


def _document(found: Verification, stored: RepairResult) -> dict[str, Any]:
    """The verdict, and with which status and exit code the command ends."""
    status = verified_status(found, stored)
    ending = {"status": status.value, "exit_code": int(of_status(status))}
    sure = None if found.confidence is None else asdict(found.confidence)
    still_red = list(found.still_red)
    return {**asdict(found.verdict), "still_red": still_red, "confidence": sure, **ending}


def _passing(verdict: Verdict) -> str:
    return (
        f"{counted(len(verdict.fail_to_pass), 'test')} that failed now "
        f"{'passes' if len(verdict.fail_to_pass) == 1 else 'pass'}, "
        f"{len(verdict.pass_to_pass):,} still pass ({duration(verdict.seconds)})"
    )


def _against(found: Verification, stored: RepairResult) -> str:
    """What speaks against a patch that passed; empty where nothing does."""
    sentences = []
    if found.still_red:
        more = counted(len(found.still_red), "more test")
        sentences.append(f"{more} failed and {_stays(len(found.still_red))} red with the patch")
    elif stored.baseline is not None and is_in_part(stored):
        more = counted(len(stored.baseline.still_red), "more test")
        sentences.append(f"the file names {more} that failed and that its patch leaves red")
    if verified_status(found, stored) is Status.PLAUSIBLE:
        sentences.append(f"too little says that the patch is right: {_how_sure(found, stored)}")
    return "".join(f"; {sentence}" for sentence in sentences)


def _stays(number: int) -> str:
    return "stays" if number == 1 else "stay"


def _how_sure(found: Verification, stored: RepairResult) -> str:
    here = likely(found.confidence) if found.confidence else "not measured"
    claim = stored.patch.confidence if stored.patch else None
    return f"{here} here" + (f", {likely(claim)} by the file" if claim else "")
