"""`repair model serve` and `repair model check`: their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

model_app = typer.Typer(
    name="model",
    help="The model by itself: serve it to many workers, or see whether it works here.",
    no_args_is_help=True,
)

Checkpoint = Annotated[
    str, typer.Argument(metavar="PATH", help="Folder of a checkpoint.", show_default=False)
]
KeyFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="File that holds the API key clients must send."),
]
Window = Annotated[
    int | None,
    typer.Option(metavar="TOKENS", help="Context window; default: what model and memory allow."),
]


@model_app.command()
def serve(
    path: Checkpoint,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    api_key_file: KeyFile = None,
    context_window: Window = None,
) -> int:
    """Put a model behind an OpenAI-compatible endpoint, so that many workers share one GPU."""
    from cli.commands.model import run_serve

    return run_serve(
        path,
        host=host,
        port=port,
        api_key_file=api_key_file,
        context_window=context_window,
    )


@model_app.command()
def check(
    path: Annotated[str | None, typer.Argument(metavar="[PATH]", show_default=False)] = None,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="Check a server's model instead.")
    ] = None,
    api_key_file: KeyFile = None,
    context_window: Window = None,
    max_tokens: Annotated[int, typer.Option(help="Tokens per timed answer.")] = 128,
) -> int:
    """Load a model, let it call a tool, and time it beside what the memory allows."""
    from cli.commands.model import run_check

    return run_check(
        path,
        url=url,
        api_key_file=api_key_file,
        context_window=context_window,
        max_tokens=max_tokens,
    )
