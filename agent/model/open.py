"""From what a user writes (`--model`, `--model-url`) to a model that can be asked."""

from __future__ import annotations

import importlib
import threading
from pathlib import Path
from typing import Any

from agent.model.base import ModelBackend
from agent.model.checkpoint_files import weights_folder
from agent.model.errors import MissingPackage
from agent.model.openai_api.client import RemoteModel
from agent.model.scripted import Recorder, ScriptedModel

SCRIPTED = "scripted:"


def open_model(
    model: str | None,
    *,
    url: str | None = None,
    api_key: str | None = None,
    context_window: int | None = None,
    record: Path | None = None,
    stop: threading.Event | None = None,
) -> ModelBackend:
    """Open a backend; close it when done.

    `model` is `scripted:FILE`, or with `url` the name of a model served there (None for the
    first), else the folder of a checkpoint. `record` writes every answer to a script. `stop` is set
    when nobody waits for a server any more.
    Raises MalformedCompletion, ModelUnusable; ValueError when neither is given.
    """
    if url is not None:
        backend: ModelBackend = RemoteModel(
            url, model=model, api_key=api_key, context_window=context_window, stop=stop
        )
    elif model is None:
        raise ValueError("give a model's folder, scripted:FILE, or a server's URL")
    elif model.startswith(SCRIPTED):
        backend = ScriptedModel(Path(model.removeprefix(SCRIPTED)))
    else:
        backend = _in_process(model, context_window)
    return backend if record is None else Recorder(backend, record)


def examine_checkpoint(path: str) -> None:
    """Raise now what loading the checkpoint would raise before it reads the weights."""
    weights_folder(path)
    _needing_torch("loading").examine(path)


def _in_process(path: str, context_window: int | None) -> ModelBackend:
    engine = _needing_torch("backend")
    model: ModelBackend = engine.TransformersModel.load(path, context_window=context_window)
    return model


def _needing_torch(module: str) -> Any:
    try:
        return importlib.import_module(f"agent.model.local.{module}")
    except ImportError as error:
        raise MissingPackage(
            f"a model in this process needs {error.name}: pip install 'repair-agent[model]', or "
            "serve the model elsewhere and give its URL"
        ) from error
