"""The one object that owns the device: token ids in, token ids out.

A thread of its own runs the model. Prompts are prefilled one at a time, from the longest prefix
the store holds and in chunks, so that the answers being generated never wait long; each answer
then joins the batch, and all of them move one token a step.
"""

from __future__ import annotations

import queue
import threading
import time
from concurrent.futures import Future
from typing import Any

import torch

from agent.model.engine_settings import EngineSettings
from agent.model.errors import ModelUnavailable
from agent.model.health import Health
from agent.model.local.engine_requests import Generation, Scoring
from agent.model.local.generation.compiled_layers import compile_layers
from agent.model.local.scheduler import Scheduler

_IDLE_SECONDS = 0.5


class Engine:
    """Serves generations and scorings from any number of threads on one model."""

    def __init__(self, model: Any, settings: EngineSettings) -> None:
        self._settings = settings
        if settings.compile_backend:
            compile_layers(model, settings.compile_backend)
        self._work = Scheduler(model, settings)
        self._asked: queue.Queue[Generation | Scoring | None] = queue.Queue()
        self._gate = threading.Lock()
        """Between asking and the end: nothing is put into a queue that nobody empties."""
        self._closed = threading.Event()
        self._advanced_at = time.monotonic()
        self._idle = True
        self.stopped: Future[None] = Future()
        """Done when the thread has ended, with the reason if it was not closed."""
        self._thread = threading.Thread(target=self._run, name="model-engine", daemon=True)
        self._thread.start()

    def generate(self, generation: Generation) -> Future[Generation]:
        """Queue a generation. The future raises ModelDoesNotFit, ModelUnavailable."""
        return self._ask(generation, generation.done)

    def score(self, scoring: Scoring) -> Future[list[float]]:
        """Queue a scoring. The future also raises GenerationCancelled."""
        return self._ask(scoring, scoring.done)

    def health(self) -> Health:
        """Whether the thread lives and gets on with what it was asked."""
        limit = self._work.limit
        if self.stopped.done():
            reason = str(self.stopped.exception() or "the model was closed")
            return Health(status="stopped", reason=reason, works=False)
        idle_seconds = time.monotonic() - self._advanced_at
        if not self._idle and idle_seconds >= self._settings.stall_seconds:
            reason = f"requests wait and nothing was done for {idle_seconds:.0f} s"
            return Health(status="stalled", reason=reason, works=False)
        if limit.tight:
            reason = f"the memory ran out: {limit.rows} of {limit.most} answers at once for now"
            return Health(status="short of memory", reason=reason)
        return Health(status="ok")

    def close(self) -> None:
        """End what is running and free the caches. Safe to call twice."""
        self._closed.set()
        self._asked.put(None)
        self._thread.join()

    def _ask(self, job: Generation | Scoring, future: Future[Any]) -> Future[Any]:
        with self._gate:
            if self.stopped.done():
                raise ModelUnavailable(str(self.stopped.exception() or "the model was closed"))
            if self._closed.is_set():
                raise ModelUnavailable("the model was closed")
            self._asked.put(job)
        return future

    def _run(self) -> None:
        """The thread. However it ends, everybody who waits is told."""
        ending = ModelUnavailable("the model was closed")
        failure: Exception | None = None
        try:
            with torch.inference_mode():
                while not self._closed.is_set():
                    self._receive()
                    self._turn()
        except Exception as error:
            failure = ending = ModelUnavailable(f"the model's engine stopped, restart it: {error}")
        self._end(ending, failure)

    def _end(self, ending: ModelUnavailable, failure: Exception | None) -> None:
        with self._gate:
            if failure is None:
                self.stopped.set_result(None)
            else:
                self.stopped.set_exception(failure)
            while not self._asked.empty():
                job = self._asked.get_nowait()
                if job is not None:
                    self._work.add(job)
        self._work.fail_all(ending)

    def _receive(self) -> None:
        """Take in what was asked; wait for it when there is nothing else to do."""
        self._idle = self._work.idle()
        try:
            job = self._asked.get(timeout=_IDLE_SECONDS) if self._idle else self._asked.get_nowait()
            if self._idle:
                self._advanced_at = time.monotonic()
                self._idle = False
            while job is not None:
                self._work.add(job)
                job = self._asked.get_nowait()
        except queue.Empty:
            return

    def _turn(self) -> None:
        progress = self._work.advanced
        self._work.turn()
        if self._work.advanced != progress:
            self._advanced_at = time.monotonic()
