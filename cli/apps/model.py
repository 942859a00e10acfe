"""`repair model serve` and `repair model check`: their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options.options import JsonFlag

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

Compile = Annotated[
    bool,
    typer.Option(
        "--compile",
        help="Compile the decoder layers for decoding; the first answers take minutes longer.",
    ),
]


@model_app.command()
def serve(
    path: Checkpoint,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    api_key_file: KeyFile = None,
    context_window: Window = None,
    compile_layers: Compile = False,
) -> int:
    """Put a model behind an OpenAI-compatible endpoint, so that many workers share one GPU."""
    from cli.commands.model import run_serve

    return run_serve(
        path,
        host=host,
        port=port,
        api_key_file=api_key_file,
        context_window=context_window,
        compile_layers=compile_layers,
    )


@model_app.command()
def check(
    path: Annotated[str | None, typer.Argument(metavar="[PATH]", show_default=False)] = None,
    url: Annotated[
        str | None,
        typer.Option(
            "--model-url",
            "--url",
            metavar="URL",
            help="Check a server's model instead, and try the faults that servers are known for.",
        ),
    ] = None,
    api_key_file: KeyFile = None,
    context_window: Window = None,
    max_tokens: Annotated[int, typer.Option(help="Tokens per timed answer.")] = 128,
    as_json: JsonFlag = False,
) -> int:
    """Load a model, or ask a server's; let it call a tool, and time it. Exit code 1 where it cannot
    call one, or the server has a fault that a repair would suffer from."""
    from cli.commands.model import run_check

    return run_check(
        path,
        url=url,
        api_key_file=api_key_file,
        context_window=context_window,
        max_tokens=max_tokens,
        as_json=as_json,
    )
