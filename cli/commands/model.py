"""`repair model serve` and `repair model check`: the model by itself."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

from agent.extras import how_to_add
from agent.model.base import ModelBackend
from agent.model.errors import ModelError
from agent.model.open import open_model
from agent.model.server_check import ModelCheck, check_model
from agent.model_address import checked_address, without_credentials
from agent.untrusted_text import printable
from cli.display.console import say
from cli.exit_codes import ExitCode, of_error


def run_serve(
    path: str,
    *,
    host: str,
    port: int,
    api_key_file: Path | None,
    context_window: int | None,
    compile_layers: bool = False,
) -> int:
    try:
        key = None if api_key_file is None else api_key_file.read_text(encoding="utf-8").strip()
        _tell(f"loading {path}")
        model = open_model(
            path, context_window=context_window, tell=_tell, compile_layers=compile_layers
        )
        server = importlib.import_module("agent.model.openai_api.server.server")
    except (ModelError, OSError) as error:
        return _failed(error)
    except ImportError as error:
        say(f"repair: serving needs {error.name}: {how_to_add('model')}")
        return ExitCode.INFRASTRUCTURE
    if key is None and host not in ("127.0.0.1", "::1", "localhost"):
        say("repair: warning: anybody who reaches this port can use the model (--api-key-file).")
    say("\n".join(start_up_lines(model)))
    try:
        server.serve(model, host=host, port=port, api_key=key)
    except ModelError as error:
        return _failed(error)
    return ExitCode.OK


def run_check(
    path: str | None,
    *,
    url: str | None,
    api_key_file: Path | None,
    context_window: int | None,
    max_tokens: int,
    as_json: bool = False,
) -> int:
    if (path is None) == (url is None):
        say("repair: give either the folder of a checkpoint or --model-url.")
        return ExitCode.BAD_INPUT
    try:
        url = None if url is None else checked_address(url)
    except ValueError as error:
        say(f"repair: --model-url cannot be used: {error}.")
        return ExitCode.BAD_INPUT
    try:
        key = None if api_key_file is None else api_key_file.read_text(encoding="utf-8").strip()
        _tell(f"loading {path}" if url is None else f"asking {without_credentials(url)}")
        model = open_model(
            path, url=url, api_key=key, context_window=context_window, wait_seconds=0, tell=_tell
        )
        try:
            result = _checked(model, max_tokens)
        finally:
            model.close()
    except (ModelError, OSError) as error:
        if as_json:
            print(json.dumps({"ok": False, "error": str(error)}))
        return _failed(error)
    if as_json:
        print(json.dumps(result.to_json()))
    else:  # some of it is in the words of the model and the server
        print("\n".join(printable(line) for line in result.lines()))
    return ExitCode.OK if result.ok else ExitCode.NOT_REPAIRED


def start_up_lines(model: ModelBackend) -> tuple[str, ...]:
    """What was loaded; nothing for a model elsewhere."""
    report = getattr(model, "report", None)
    return () if report is None else tuple(report.lines())


def _checked(model: ModelBackend, max_tokens: int) -> ModelCheck:
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
    say(f"repair: {printable(str(error))}")
    return ExitCode.BAD_INPUT if isinstance(error, OSError) else of_error(error)
