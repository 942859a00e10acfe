"""The commands of the queue: their help texts, and where each one leads."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.options import options
from cli.options.record_options import spread
from cli.options.request import DeliveryOptions, RepairRequest
from cli.options.service_options import (
    EventOptions,
    JobId,
    ListOptions,
    QueueOptions,
    ServiceOptions,
)

EXAMPLES = "\n\n**Examples**\n\n"
service_commands = typer.Typer()
tokens_app = typer.Typer(
    name="tokens",
    help="Tokens of the job API: what a program or a person may do with this service.",
    no_args_is_help=True,
)
service_commands.add_typer(tokens_app)


@service_commands.command(
    "submit",
    epilog=f"""{EXAMPLES}
- `repair submit .` queues this folder, prints the job's id, and is done
- `repair submit https://github.com/OWNER/NAME --wait --output fix.diff`
- `repair submit . --queue background --key nightly-2026-11-24`
- `REPAIR_TOKEN=repair_… repair submit URL --server https://repair.example.com`
""",
)
@spread
def submit(
    request: RepairRequest,
    queueing: QueueOptions,
    delivery_options: DeliveryOptions,
    server_options: ServiceOptions,
    verbose: options.VerboseFlag = False,
) -> int:
    """Queue a repair: the same options as `repair`. Exit codes with --wait are the same, too."""
    from cli.commands.submit import run_submit

    return run_submit(request, queueing, delivery_options, server_options, verbose=verbose)


@service_commands.command(
    "jobs",
    epilog=f"{EXAMPLES}\n- `repair jobs`\n- `repair jobs --state running --state queued --json`",
)
@spread
def jobs(
    server_options: ListOptions,
    state: Annotated[
        list[str] | None,
        typer.Option(metavar="STATE", help="Only these: queued, running, waiting, ended, …"),
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", help="Jobs to show, up to 200.")] = 50,
) -> int:
    """List the jobs of the queue, newest first."""
    from cli.commands.jobs import run_jobs

    return run_jobs(tuple(state or ()), limit, server_options)


@service_commands.command(
    "status", epilog=f"{EXAMPLES}\n- `repair status ID`\n- `repair status ID --patch | git apply`"
)
@spread
def status(
    job: JobId,
    server_options: ServiceOptions,
    patch: Annotated[
        bool, typer.Option("--patch", help="Print the patch and nothing else, for `git apply`.")
    ] = False,
) -> int:
    """Say where a job is: its stage, its place in the queue, what it has used and found."""
    from cli.commands.status import run_status

    return run_status(job, server_options, patch=patch)


@service_commands.command(
    "logs", epilog=f"{EXAMPLES}\n- `repair logs ID`\n- `repair logs -f ID` goes on until it ends"
)
@spread
def logs(
    job: JobId,
    server_options: EventOptions,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on as it happens, until the job ends.")
    ] = False,
    verbose: options.VerboseFlag = False,
) -> int:
    """Tell what happened to a job."""
    from cli.commands.logs import run_logs

    return run_logs(job, server_options, follow=follow, verbose=verbose)


@service_commands.command("cancel", epilog=f"{EXAMPLES}\n- `repair cancel ID`")
@spread
def cancel(job: JobId, server_options: ServiceOptions) -> int:
    """Cancel a job, queued or running; the best patch of a running one is kept."""
    from cli.commands.cancel import run_cancel

    return run_cancel(job, server_options)


@service_commands.command("retry", epilog=f"{EXAMPLES}\n- `repair retry ID`")
@spread
def retry(job: JobId, server_options: ServiceOptions) -> int:
    """Queue a job again that has ended, was cancelled or is dead."""
    from cli.commands.retry import run_retry

    return run_retry(job, server_options)


@tokens_app.command(
    "create",
    epilog=f"{EXAMPLES}\n- `repair tokens create ci --scope submit --scope read --days 90`",
)
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="For whom or what it is.")],
    scope: Annotated[
        list[str],
        typer.Option(
            metavar="SCOPE",
            help="read, submit, cancel or admin (all of it, on everybody's jobs).",
        ),
    ],
    owner: Annotated[
        str | None,
        typer.Option(
            metavar="OWNER", help="Tokens of one owner see the same jobs. Default: the name."
        ),
    ] = None,
    days: Annotated[
        float | None, typer.Option(metavar="DAYS", help="Until it expires. Default: never.")
    ] = None,
    as_json: options.JsonFlag = False,
) -> int:
    """Make a token. It is shown once, and kept as a hash."""
    from cli.commands.tokens import run_create

    return run_create(name, tuple(scope), owner=owner, days=days, as_json=as_json)


@tokens_app.command("list", epilog=f"{EXAMPLES}\n- `repair tokens list`")
def list_(as_json: options.JsonArray = False) -> int:
    """List the tokens of this service; not what they are."""
    from cli.commands.tokens import run_list

    return run_list(as_json=as_json)


@tokens_app.command("revoke", epilog=f"{EXAMPLES}\n- `repair tokens revoke 1f2e3d4c`")
def revoke(
    token: Annotated[str, typer.Argument(metavar="ID", help="As `repair tokens list` shows it.")],
    as_json: options.JsonFlag = False,
) -> int:
    """Make a token open nothing any more, at once."""
    from cli.commands.tokens import run_revoke

    return run_revoke(token, as_json=as_json)
