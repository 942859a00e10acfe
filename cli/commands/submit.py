"""`repair submit <repo>`: queue a repair, and follow it on request."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from agent.records import RepairResult
from agent.runs.folder import load_result, new_folder
from agent.serialization import restore
from agent.untrusted_text import printable
from cli.commands.repair import finish
from cli.delivery.output_file import write_output
from cli.display.console import make_console, say
from cli.display.jobs import exit_code_of, state_word
from cli.display.log import RunLog
from cli.display.progress.follow import follow, place_of
from cli.display.progress.watch import guarded
from cli.display.result import Delivery, render
from cli.errors import BadInput
from cli.exit_codes import ExitCode
from cli.job_client import job_client
from cli.options.arguments import is_url
from cli.options.request import DeliveryOptions, DisplayOptions, RepairRequest
from cli.options.service_options import QueueOptions, ServiceOptions
from cli.options.settings import read_settings
from sandbox.git.login import kept_target

if TYPE_CHECKING:
    from workers.client.base import JobClient
    from workers.jobs.submission_form import SubmissionForm
    from workers.jobs.view import Accepted, JobView


def run_submit(
    request: RepairRequest,
    queueing: QueueOptions,
    delivery_options: DeliveryOptions,
    server_options: ServiceOptions,
    *,
    verbose: bool,
) -> int:
    def work(log: RunLog) -> int:
        _check(request, queueing, delivery_options)
        with job_client(server_options.server) as client:
            acceptance = client.submit(_form(request, queueing, delivery_options), queueing.key)
            if not queueing.wait:
                _told(client, acceptance, server_options.as_json)
                return ExitCode.OK
            say(f"Job {acceptance.job.id}")
            ended_job = follow(
                client, acceptance.job, log, as_json=server_options.as_json, verbose=verbose
            )
            display_options = DisplayOptions(as_json=server_options.as_json, verbose=verbose)
            return _conclude(client, ended_job, delivery_options, display_options)

    return guarded(work, as_json=server_options.as_json)


def _check(
    request: RepairRequest, queueing: QueueOptions, delivery_options: DeliveryOptions
) -> None:
    try:
        if is_url(request.target):
            kept_target(request.target)
    except ValueError as error:
        raise BadInput(f"The repository cannot be used: {error}.") from None
    if request.allow_host:
        raise BadInput("--allow-host is for the worker to say: set REPAIR_ALLOW_HOSTS there.")
    if request.runtime is not None:
        raise BadInput("--runtime is for the worker to say: set REPAIR_DOCKER_RUNTIME there.")
    if request.root is not None:
        raise BadInput("--root is for the worker to say: set REPAIR_API_ROOTS at the API.")
    if delivery_options != DeliveryOptions() and not queueing.wait:
        raise BadInput(
            "--output, --apply, --apply-repaired and --branch need --wait; "
            "see `repair status --patch`."
        )


def _form(
    request: RepairRequest, queueing: QueueOptions, delivery_options: DeliveryOptions
) -> SubmissionForm:
    from workers.jobs.submission_form import form_of
    from workers.records import Queue

    if queueing.queue not in tuple(Queue):
        raise BadInput(f"--queue must be one of {', '.join(Queue)}.")
    try:
        return form_of(request.job(delivery_options), Queue(queueing.queue), queueing.deadline)
    except ValidationError as error:
        first_error = error.errors()[0]
        name = str(first_error["loc"][0]).removesuffix("_seconds")
        raise BadInput(f"{name}: {first_error['msg']}.") from error


def _told(client: JobClient, acceptance: Accepted, as_json: bool) -> None:
    """The id alone on stdout, for scripts; what to do with it on stderr."""
    job = acceptance.job
    if as_json:
        print(acceptance.model_dump_json())
        return
    print(job.id, flush=True)
    if not acceptance.created:
        say(f"This key was known: the job is {state_word(job)} already.")
    current_job = client.job(job.id)
    if current_job.places == 0:
        say(f"{place_of(current_job)}.")
    say(f"`repair status {job.id}` says where it is, `repair logs -f {job.id}` follows it.")


def _conclude(
    client: JobClient,
    job: JobView,
    delivery_options: DeliveryOptions,
    display_options: DisplayOptions,
) -> int:
    """Show what was found, and do with it what was asked."""
    text = client.result(job.id)
    if text is None:
        if display_options.as_json:
            print(job.model_dump_json())
        say(f"The job is {state_word(job)}: {printable(job.reason or 'nobody said why')}.")
        return exit_code_of(job)
    folder = new_folder(read_settings(), job.id)
    if folder.result.is_file():  # the worker shares this machine's state folder
        return finish(
            load_result(read_settings(), job.id), folder, delivery_options, display_options
        )
    return _from_afar(client, job, text, delivery_options, display_options)


def _from_afar(
    client: JobClient,
    job: JobView,
    text: str,
    delivery_options: DeliveryOptions,
    display_options: DisplayOptions,
) -> int:
    """The run's folder is on another machine: there is the patch, but not the base to apply it."""
    patch_file = _saved(client.patch(job.id), delivery_options.output, job.target)
    if display_options.as_json:
        print(text.rstrip("\n"), flush=True)
    else:
        result = restore(RepairResult, json.loads(text)["result"])
        target = None if is_url(job.target) else job.target
        render(make_console(sys.stdout), result, Delivery(saved=patch_file, target=target))
        if result.patch is not None and patch_file is None:
            say(f"`repair status {job.id} --patch` prints the patch alone, for `git apply`.")
    if delivery_options.writes is not None:
        option = delivery_options.writes
        say(f"repair: {option} works where the run's folder is; use the patch by itself here.")
        return ExitCode.BAD_INPUT
    return exit_code_of(job)


def _saved(patch: bytes | None, output: Path | None, target: str) -> Path | None:
    if patch is None or output is None:
        return None
    return write_output(output, patch, "--output", target)
