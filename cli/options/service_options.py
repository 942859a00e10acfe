"""Options of the commands that talk to the queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from cli.options import options

QUEUE = "The queue"

JobId = Annotated[str, typer.Argument(metavar="ID", help="The job, as `repair jobs` shows it.")]
Server = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Server to talk to, with the token in REPAIR_TOKEN. Default: REPAIR_SERVER, else "
        "the queue of this machine.",
        rich_help_panel=QUEUE,
    ),
]


@dataclass(frozen=True, kw_only=True)
class ServiceOptions:
    """Options of every command that speaks to the queue: server and output."""

    server: Server = None
    as_json: options.JsonFlag = False


@dataclass(frozen=True, kw_only=True)
class ListOptions(ServiceOptions):
    """Of a command that prints several jobs."""

    as_json: options.JsonArray = False


@dataclass(frozen=True, kw_only=True)
class EventOptions(ServiceOptions):
    """Of a command that prints as it goes on."""

    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print one JSON object a line, for each event.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = False


@dataclass(frozen=True, kw_only=True)
class QueueOptions:
    """How a job is to be queued."""

    queue: Annotated[
        str,
        typer.Option(
            metavar="interactive|background",
            help="`background` is for batches: it never delays somebody who waits.",
            rich_help_panel=QUEUE,
        ),
    ] = "interactive"
    key: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="The same key again gives the job that is there, and no second one.",
            rich_help_panel=QUEUE,
        ),
    ] = None
    deadline: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="Cancel it when this much time has passed since now, queued or running.",
            rich_help_panel=QUEUE,
        ),
    ] = None
    wait: Annotated[
        bool,
        typer.Option(
            "--wait", help="Follow it to its end, as `repair` does.", rich_help_panel=QUEUE
        ),
    ] = False
