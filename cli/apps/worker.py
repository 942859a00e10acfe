"""`repair worker` and `repair service up`: the options of what keeps running."""

from __future__ import annotations

from typing import Annotated

import typer

Processes = Annotated[
    int,
    typer.Option(min=1, max=256, metavar="N", help="Jobs side by side. Each may use every core."),
]

worker_commands = typer.Typer(rich_markup_mode="markdown")
service_app = typer.Typer(
    name="service", help="The queue, its workers and its web page.", no_args_is_help=True
)
worker_commands.add_typer(service_app)


@worker_commands.command(
    "worker",
    epilog="""
**Examples**

- `repair worker` takes one job at a time, whatever its queue
- `repair worker --processes 4 --queue interactive`
- `REPAIR_DATABASE_URL=postgresql://… REPAIR_REDIS_URL=redis://… repair worker`
- `repair worker --check` is the health command of a container
""",
)
def worker(
    processes: Processes = 1,
    queue: Annotated[
        list[str] | None,
        typer.Option(
            metavar="interactive|background", help="Take jobs of this queue. Default: both."
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Only say whether a worker of this machine takes jobs; 0 if it does."
        ),
    ] = False,
) -> int:
    """Take jobs from the queue and repair, until Ctrl-C or SIGTERM.

    A job that is cut short goes on from its last stage, here or on another machine.
    """
    from cli.commands.worker import run_check, run_worker

    return run_check() if check else run_worker(processes, tuple(queue or ()))


@service_app.command(
    "up",
    epilog="""
**Examples**

- `repair service up` then `repair submit . --wait` in another terminal
- `REPAIR_LISTEN_PORT=8080 repair service up --processes 2`
""",
)
def up(
    processes: Processes = 1,
) -> int:
    """Run the whole service on this machine: Redis, the web page and the workers.

    Redis is started on a port of its own, unless REPAIR_REDIS_URL names one. Ctrl-C ends all.
    """
    from cli.commands.service import run_service_up

    return run_service_up(processes)
