"""`repair model serve` and `repair model check`."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated

import typer

from agent.model.base import ModelBackend
from agent.model.check import CheckResult, check_model
from agent.model.errors import ModelError
from agent.model.open import open_model
from cli.display.console import say
from cli.exit_codes import ExitCode, of_error

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
    try:
        key = None if api_key_file is None else api_key_file.read_text(encoding="utf-8").strip()
        _tell(f"loading {path}")
        model = open_model(path, context_window=context_window)
        server = importlib.import_module("agent.model.openai_api.server")
    except (ModelError, OSError) as error:
        return _failed(error)
    except ImportError as error:
        say(f"repair: serving needs {error.name}: pip install 'repair-agent[model]'")
        return ExitCode.INFRASTRUCTURE
    if key is None and host not in ("127.0.0.1", "::1", "localhost"):
        say("repair: warning: anybody who reaches this port can use the model (--api-key-file).")
    say("\n".join(start_up_lines(model)))
    try:
        server.serve(model, host=host, port=port, api_key=key)
    except ModelError as error:
        return _failed(error)
    return ExitCode.OK


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
    if (path is None) == (url is None):
        say("repair: give either the folder of a checkpoint or --url.")
        return ExitCode.BAD_INPUT
    try:
        key = None if api_key_file is None else api_key_file.read_text(encoding="utf-8").strip()
        _tell(f"loading {path}" if url is None else f"asking {url}")
        model = open_model(path, url=url, api_key=key, context_window=context_window)
        try:
            result = _checked(model, max_tokens)
        finally:
            model.close()
    except (ModelError, OSError) as error:
        return _failed(error)
    print("\n".join(result.lines()))
    return ExitCode.OK if result.ok else ExitCode.NOT_REPAIRED


def start_up_lines(model: ModelBackend) -> tuple[str, ...]:
    """Lines about the model that was loaded; none for a model on another server."""
    report = getattr(model, "report", None)
    return () if report is None else tuple(report.lines())


def _checked(model: ModelBackend, max_tokens: int) -> CheckResult:
    floor = getattr(model, "floor_tokens_per_second", None)
    return check_model(
        model,
        max_tokens=max_tokens,
        floor_tokens_per_second=None if floor is None else floor(),
        start_up=start_up_lines(model),
        tell=_tell,
    )


def _tell(text: str) -> None:
    """Something that takes long begins."""
    say(f"{text} ...")


def _failed(error: ModelError | OSError) -> int:
    say(f"repair: {error}")
    return ExitCode.BAD_INPUT if isinstance(error, OSError) else of_error(error)
