"""From what a user writes (`--model`, `--model-url`) to a model that can be asked."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.extras import how_to_add
from agent.model.base import ModelBackend
from agent.model.checkpoint_files import weights_folder
from agent.model.errors import MissingPackage
from agent.model.openai_api.client import RemoteModel
from agent.model.openai_api.retries import Patience
from agent.model.scripted import Recorder, ScriptedModel

SCRIPTED = "scripted:"
COMPILER = "inductor"
"""Torch's own."""


def open_model(
    model: str | None,
    *,
    url: str | None = None,
    api_key: str | None = None,
    context_window: int | None = None,
    record: Path | None = None,
    stop: threading.Event | None = None,
    wait_seconds: float | None = None,
    tell: Callable[[str], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
    compile_layers: bool = False,
) -> ModelBackend:
    """Open a backend; close it when done.

    `model` is `scripted:FILE`, or with `url` the name of a model served there (None for the
    first), else the folder of a checkpoint. `record` writes every answer to a script. `stop` is set
    when nobody waits for a server any more. A server that answered and then went away is waited for
    up to `wait_seconds`, and `tell` hears of it, as of the weights that are read of a checkpoint.
    Reading them ends when `cancelled` says so. `compile_layers` compiles the decoder layers of a
    model in this process.
    Raises MalformedCompletion, ModelUnusable, GenerationCancelled; ValueError when neither is
    given.
    """
    if url is not None:
        patience = Patience() if wait_seconds is None else Patience(away_seconds=wait_seconds)
        backend: ModelBackend = RemoteModel(
            url,
            model=model,
            api_key=api_key,
            patience=patience,
            context_window=context_window,
            stop=stop,
            tell=tell,
        )
    elif model is None:
        raise ValueError("give a model's folder, scripted:FILE, or a server's URL")
    elif model.startswith(SCRIPTED):
        backend = ScriptedModel(Path(model.removeprefix(SCRIPTED)))
    else:
        engine = _needing_torch("backend").TransformersModel
        backend = engine.load(
            model,
            context_window=context_window,
            compile_backend=COMPILER if compile_layers else "",
            cancelled=cancelled,
            tell=tell,
        )
    return backend if record is None else Recorder(backend, record)


def examine_checkpoint(path: str) -> None:
    """Raise now what loading the checkpoint would raise before it reads the weights."""
    weights_folder(path)
    _needing_torch("loading").examine(path)


def _needing_torch(module: str) -> Any:
    try:
        return importlib.import_module(f"agent.model.local.{module}")
    except ImportError as error:
        raise MissingPackage(
            f"a model in this process needs {error.name}: {how_to_add('model')}, or "
            "serve the model elsewhere and give its URL"
        ) from error
