"""`repair <repo>` and `repair resume RUN`: the main job."""

from __future__ import annotations

import sys
from functools import partial

from agent.records import RepairJob, RepairResult
from agent.runs.folder import RunFolder, new_folder, run_folder
from agent.runs.result_file import printed_result
from cli.delivery.branch import check_branch_name
from cli.delivery.deliver import deliver, save
from cli.display.console import make_console, say
from cli.display.interrupt import ignore_signals
from cli.display.log import RunLog
from cli.display.result import Delivery, render
from cli.display.watch import Watch, Work, guarded
from cli.errors import ApplyRefused
from cli.exit_codes import ExitCode, of_status
from cli.options import arguments
from cli.options.request import RepairRequest, Shown, Wish
from cli.options.settings import read_settings


def run_repair(request: RepairRequest, wish: Wish, output_options: Shown) -> int:
    def work(log: RunLog) -> int:
        job = request.job(wish)
        settings = read_settings(request.runtime, arguments.check_hosts(request.allow_host))
        folder = new_folder(settings, job.run_id)
        from agent.run import start  # after the arguments: it imports LangGraph

        go = partial(start, job, settings)
        return finish(_watched(go, folder, job, output_options, log), folder, wish, output_options)

    return guarded(work, as_json=output_options.as_json)


def run_resume(run_id: str, wish: Wish, output_options: Shown) -> int:
    def work(log: RunLog) -> int:
        arguments.check_output(wish.output)
        settings = read_settings()
        folder = run_folder(settings, run_id)
        job = folder.load_job()
        if wish.writes is not None:
            arguments.check_target(job.target, writes=wish.writes)
        if wish.branch is not None:
            check_branch_name(wish.branch)
        from agent.run import resume

        go = partial(resume, run_id, settings)
        return finish(_watched(go, folder, job, output_options, log), folder, wish, output_options)

    return guarded(work, as_json=output_options.as_json)


def _watched(
    work: Work, folder: RunFolder, job: RepairJob, output_options: Shown, log: RunLog
) -> RepairResult:
    log.path = folder.log
    watch = Watch(
        run_id=job.run_id,
        max_seconds=job.budget.max_seconds,
        as_json=output_options.as_json,
        verbose=output_options.verbose,
    )
    return watch.run(work, log)


def finish(result: RepairResult, folder: RunFolder, wish: Wish, output_options: Shown) -> int:
    """Save, apply and show. What was found is shown even where applying it is refused."""
    ignore_signals()
    saved = save(result, folder.patch, wish)
    refusal: ApplyRefused | None = None
    try:
        delivery = deliver(result, folder, saved, wish)
    except ApplyRefused as error:
        refusal, delivery = error, Delivery(saved=saved)
    if output_options.as_json:
        print(printed_result(folder.result), flush=True)
    else:
        render(make_console(sys.stdout), result, delivery)
    if refusal is not None:
        say(f"repair: {refusal}")
        return ExitCode.BAD_INPUT
    return of_status(result.status)
