"""The model that a job names: opened once, when it is first needed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from agent.config import Settings
from agent.events import Listener, Progress, Warned
from agent.model.base import ModelBackend
from agent.model.errors import GenerationCancelled
from agent.model.open import SCRIPTED, examine_checkpoint, open_model
from agent.model_address import address_to_ask
from agent.records import RepairJob
from agent.runs.stop import raise_if_stopped

Meter: TypeAlias = Callable[[ModelBackend], ModelBackend]
"""Put around the model by a service that counts and bounds what is generated."""
MIN_WINDOW_TOKENS = 16_384
"""Less hardly holds a task, an answer and a few turns."""
POLL_SECONDS = 0.2
"""Between two looks at whether somebody still waits for the model."""


def unmetered(model: ModelBackend) -> ModelBackend:
    return model


class ModelAccess:
    """Opens the model of one run, and says beforehand whether it can be opened."""

    def __init__(
        self,
        job: RepairJob,
        settings: Settings,
        listen: Listener,
        stop: threading.Event,
        meter: Meter,
    ) -> None:
        self._job = job
        self._settings = settings
        self._listen = listen
        self._stop = stop
        self._meter = meter
        self._model: ModelBackend | None = None
        self._opening = threading.Lock()

    def open(self, cancel: threading.Event | None = None) -> ModelBackend:
        """The model, opened by whichever thread comes first.

        Loading ends when the run is stopped (Interrupted) or `cancel` is set (GenerationCancelled),
        and so does waiting for another thread that loads it.
        Raises ModelError.
        """
        with self._turn(cancel):
            if self._model is None:
                raise_if_stopped(self._stop)
                self._model = self._meter(self._opened(cancel))
            return self._model

    @contextmanager
    def _turn(self, cancel: threading.Event | None) -> Iterator[None]:
        while not self._opening.acquire(timeout=POLL_SECONDS):
            raise_if_stopped(self._stop)
            if cancel is not None and cancel.is_set():
                raise GenerationCancelled("nobody waits any more for the model to be loaded")
        try:
            yield
        finally:
            self._opening.release()

    def _opened(self, cancel: threading.Event | None) -> ModelBackend:
        if self._in_process:
            self._listen(Progress(text=f"model: loading {self._job.model}"))
        key = self._settings.model_api_key
        try:
            return open_model(
                self._job.model,
                url=address_to_ask(self._job.model_url, self._settings.model_url),
                api_key=None if key is None else key.get_secret_value(),
                stop=self._stop,
                wait_seconds=self._settings.model_wait_seconds,
                tell=lambda text: self._listen(Progress(text=f"model: {text}")),
                cancelled=lambda: self._stop.is_set() or (cancel is not None and cancel.is_set()),
            )
        except GenerationCancelled:
            raise_if_stopped(self._stop)
            raise

    @property
    def ranks(self) -> bool:
        """There may be a model that can rank the search's edits; a script never can."""
        return self._job.asks_model and not self._scripted

    def examine(self) -> None:
        """Fail now rather than after minutes where a server does not answer, a script is damaged
        or a checkpoint cannot be used. It is loaded only when it is needed. Raises ModelError."""
        if self._in_process:
            self._listen(Progress(text=f"model: looking at {self._job.model}"))
            examine_checkpoint(self._job.model or "")
        elif self._job.asks_model:
            self._listen(Progress(text=f"model: {self.open().name}"))
            if self.open().context_window < MIN_WINDOW_TOKENS:
                self._listen(Warned(text="the model's context is too short to repair much"))

    @property
    def _scripted(self) -> bool:
        return (self._job.model or "").startswith(SCRIPTED)

    @property
    def _in_process(self) -> bool:
        return self._job.asks_model and self._job.model_url is None and not self._scripted

    def close(self) -> None:
        if self._model is not None:
            self._model.close()
