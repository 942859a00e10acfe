"""`repair forge …`: the options of its commands."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.options import options

forge_app = typer.Typer(
    name="forge",
    help="What came from GitHub, GitLab and Gitea, as far as they are set up.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@forge_app.callback()
def forge() -> None:
    """What came from GitHub, GitLab and Gitea, as far as they are set up."""


@forge_app.command("status")
def status(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Deliveries to show of each.")] = 20,
    as_json: options.JsonFlag = False,
) -> int:
    """Say whether each forge takes the token, and show the newest deliveries."""
    from cli.commands.forge import run_status

    return run_status(limit=limit, as_json=as_json)
