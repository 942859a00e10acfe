"""`repair <repo>` and `repair resume RUN`: the main job."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from agent.records import RepairJob, RepairResult
from agent.runs.folder import RunFolder, new_folder, run_folder
from agent.runs.result_file import printed_result
from cli.delivery.deliver import deliver, save
from cli.delivery.sarif import write_sarif
from cli.display.console import make_console, say
from cli.display.interrupt import ignore_signals
from cli.display.log import RunLog
from cli.display.progress.watch import Watch, Work, guarded
from cli.display.result import Delivery, render
from cli.errors import ApplyRefused, BadInput, CliError
from cli.exit_codes import ExitCode, of_status
from cli.options import arguments
from cli.options.request import DeliveryOptions, DisplayOptions, RepairRequest
from cli.options.settings import read_settings


def run_repair(
    request: RepairRequest, delivery_options: DeliveryOptions, display_options: DisplayOptions
) -> int:
    def work(log: RunLog) -> int:
        job = request.job(delivery_options)
        settings = read_settings(request.runtime, arguments.check_hosts(request.allow_host))
        folder = new_folder(settings, job.run_id)
        from agent.run import start  # after the arguments: it imports the stages

        go = partial(start, job, settings, login=request.login)
        return finish(
            _watched(go, folder, job, display_options, log),
            folder,
            delivery_options,
            display_options,
        )

    return guarded(work, as_json=display_options.as_json)


def run_resume(
    run_id: str, delivery_options: DeliveryOptions, display_options: DisplayOptions
) -> int:
    def work(log: RunLog) -> int:
        delivery_options.check()
        settings = read_settings()
        folder = run_folder(settings, run_id)
        job = folder.load_job()
        if delivery_options.writes is not None:
            arguments.check_target(job.target, writes=delivery_options.writes)
        from agent.run import resume

        go = partial(resume, run_id, settings)
        return finish(
            _watched(go, folder, job, display_options, log),
            folder,
            delivery_options,
            display_options,
        )

    return guarded(work, as_json=display_options.as_json)


def _watched(
    work: Work, folder: RunFolder, job: RepairJob, display_options: DisplayOptions, log: RunLog
) -> RepairResult:
    log.path = folder.log
    watch = Watch(
        run_id=job.run_id,
        max_seconds=job.budget.max_seconds,
        as_json=display_options.as_json,
        verbose=display_options.verbose,
    )
    return watch.run(work, log)


def finish(
    result: RepairResult,
    folder: RunFolder,
    delivery_options: DeliveryOptions,
    display_options: DisplayOptions,
) -> int:
    """Save, apply and show. What was found is shown even where applying it is refused."""
    ignore_signals()
    delivery, refusals = _delivered(result, folder, delivery_options)
    code = of_status(result.status) if not refusals else ExitCode.BAD_INPUT
    if display_options.as_json:
        print(printed_result(folder.result, code), flush=True)
    else:
        render(make_console(sys.stdout), result, delivery)
    for refusal in refusals:
        say(f"repair: {refusal}")
    return code


def _delivered(
    result: RepairResult, folder: RunFolder, delivery_options: DeliveryOptions
) -> tuple[Delivery, list[CliError]]:
    """Where the patch is now, and what was refused: that stops nothing else."""
    refusals: list[CliError] = []
    target = folder.load_job().target
    patch_file = None if result.patch is None else folder.patch
    with _noted(refusals):
        patch_file = save(result, folder.patch, delivery_options, target)
    delivery = Delivery(saved=patch_file)
    with _noted(refusals):
        delivery = deliver(result, folder, patch_file, delivery_options)
    with _noted(refusals):
        if delivery_options.sarif is not None:
            write_sarif(delivery_options.sarif, result, target)
    return delivery, refusals


@contextmanager
def _noted(refusals: list[CliError]) -> Iterator[None]:
    try:
        yield
    except (ApplyRefused, BadInput) as error:
        refusals.append(error)
