"""`repair github …`: the options of its commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options import options

EPILOG = """
**Examples**

- `repair github setup --url https://repair.example.com --org acme`
- `repair github status --redeliver`
- `repair github replay delivery.json --event issues`
"""

github_app = typer.Typer(
    name="github",
    help="Connect the service to GitHub, and see what came from there.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    epilog=EPILOG,
)


@github_app.command("setup")
def setup(
    url: Annotated[
        str,
        typer.Option(metavar="URL", help="Where GitHub reaches the service: https://…"),
    ],
    org: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The organisation to own the App. Default: you."),
    ] = None,
    name: Annotated[str, typer.Option(help="The App's name, unique on GitHub.")] = "repair-agent",
    server: Annotated[
        str | None,
        typer.Option(metavar="URL", help="A GitHub Enterprise Server: https://HOST."),
    ] = None,
    browser: Annotated[
        bool, typer.Option(help="Open the page in a browser; it is printed either way.")
    ] = True,
    bind: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where the page listens; 0.0.0.0 in a container.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The page's port. Default: any that is free.")
    ] = 0,
    print_env: Annotated[
        bool,
        typer.Option("--print-env", help="Print the settings, secrets and all, and keep no file."),
    ] = False,
    as_json: options.JsonFlag = False,
) -> int:
    """Make a GitHub App with the least permissions it needs, and keep its key here."""
    from cli.commands.github import run_setup

    return run_setup(
        url,
        org=org,
        name=name,
        server=server,
        browser=browser,
        bind=bind,
        port=port,
        print_env=print_env,
        as_json=as_json,
    )


@github_app.command("status")
def status(
    redeliver: Annotated[
        bool, typer.Option("--redeliver", help="Have GitHub send again what never arrived.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Deliveries to show.")] = 20,
    as_json: options.JsonFlag = False,
) -> int:
    """Show the newest deliveries, what became of them, and what was missed."""
    from cli.commands.github import run_status

    return run_status(redeliver=redeliver, limit=limit, as_json=as_json)


@github_app.command("replay")
def replay(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A payload, or an object with event and payload.")
    ],
    event: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The event. Default: the name of the file's folder."),
    ] = None,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="The service. Default: the one of this host.")
    ] = None,
    as_new: Annotated[
        bool, typer.Option("--fresh", help="Count as a new delivery, though it came before.")
    ] = False,
    as_json: options.JsonFlag = False,
) -> int:
    """Send a recorded delivery to the service, signed as GitHub would."""
    from cli.commands.github import run_replay

    return run_replay(file, event=event, url=url, as_new=as_new, as_json=as_json)
