"""`repair model serve` and `repair model check`: the model by itself."""

from __future__ import annotations

import importlib
from pathlib import Path

from agent.model.base import ModelBackend
from agent.model.check import CheckResult, check_model
from agent.model.errors import ModelError
from agent.model.open import open_model
from cli.display.console import say
from cli.exit_codes import ExitCode, of_error


def run_serve(
    path: str, *, host: str, port: int, api_key_file: Path | None, context_window: int | None
) -> int:
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


def run_check(
    path: str | None,
    *,
    url: str | None,
    api_key_file: Path | None,
    context_window: int | None,
    max_tokens: int,
) -> int:
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
    """What was loaded; nothing for a model elsewhere."""
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
