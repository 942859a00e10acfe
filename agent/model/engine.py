"""The one object that owns the device: token ids in, token ids out.

A thread of its own runs the model. Prompts are prefilled one at a time, from the longest prefix
the store holds and in chunks, so that the answers being generated never wait long; each answer
then joins the batch, and all of them move one token a step. When the device's memory runs out,
the store is emptied first; then the batch is taken apart, made smaller, and its answers are
prefilled again from what they had.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import torch

from agent.model.base import FinishReason
from agent.model.decode_batch import DecodeBatch, Row, next_tokens
from agent.model.errors import GenerationCancelled, ModelDoesNotFit, ModelUnavailable
from agent.model.jobs import Generation, Prefill, Prompt, Scoring
from agent.model.prefix_store import PrefixStore
from agent.model.prompt_reader import PromptReader
from agent.model.scoring import ScoringRun
from agent.model.sequence import Answer

_IDLE_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class EngineSettings:
    """How much the engine does at once."""

    max_rows: int = 16
    """Answers generated together."""
    prefill_chunk: int = 4096
    """Prompt tokens taken in between two steps of the batch."""
    cache_bytes: int = 1 << 30
    """Device memory for prompts and answers kept between turns."""


def is_out_of_memory(error: Exception) -> bool:
    """True for a device's or the host's memory running out; the host's has no class."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


class Engine:
    """Serves generations and scorings from any number of threads on one model."""

    def __init__(self, model: Any, settings: EngineSettings) -> None:
        self._model = model
        self._settings = settings
        self._store = PrefixStore(settings.cache_bytes)
        self._reader = PromptReader(model, self._store, settings.prefill_chunk)
        self._batch = DecodeBatch(model)
        self._max_rows = settings.max_rows
        self._asked: queue.Queue[Generation | Scoring | None] = queue.Queue()
        self._prefills: deque[Prefill] = deque()
        self._ready: deque[Prefill] = deque()
        self._scorings: deque[ScoringRun] = deque()
        self._cramped = False
        """Memory ran out beside the batch: nothing new is started until it is empty."""
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="model-engine", daemon=True)
        self._thread.start()

    def generate(self, generation: Generation) -> Future[Generation]:
        """Queue a generation. The future raises ModelDoesNotFit, ModelUnavailable."""
        return self._ask(generation, generation.done)

    def score(self, scoring: Scoring) -> Future[list[float]]:
        """Queue a scoring. The future also raises GenerationCancelled."""
        return self._ask(scoring, scoring.done)

    def close(self) -> None:
        """End what is running and free the caches. Safe to call twice."""
        self._closed.set()
        self._asked.put(None)
        self._thread.join()

    def _ask(self, job: Generation | Scoring, done: Future[Any]) -> Future[Any]:
        if self._closed.is_set():
            raise ModelUnavailable("the model was closed")
        self._asked.put(job)
        return done

    def _run(self) -> None:
        with torch.inference_mode():
            while not self._closed.is_set():
                self._receive()
                self._drop_cancelled()
                self._guarded(self._prefill_some, self._prefill_did_not_fit)
                self._guarded(self._step_batch, self._batch_did_not_fit)
                self._guarded(self._score_some, self._scoring_did_not_fit)
        self._fail_all(ModelUnavailable("the model was closed"))

    def _guarded(self, work: Callable[[], None], did_not_fit: Callable[[], None]) -> None:
        """The thread's boundary: whatever happens, those who wait are told and it goes on."""
        try:
            work()
        except Exception as error:
            if is_out_of_memory(error):
                did_not_fit()
            else:
                kind = type(error).__name__
                self._fail_all(ModelUnavailable(f"the model failed: {kind}: {error}"))

    def _receive(self) -> None:
        """Take in what was asked; wait for it when there is nothing else to do."""
        idle = not (self._batch.rows or self._prefills or self._ready or self._scorings)
        try:
            job = self._asked.get(timeout=_IDLE_SECONDS) if idle else self._asked.get_nowait()
            while job is not None:
                self._queue(job)
                job = self._asked.get_nowait()
        except queue.Empty:
            return

    def _queue(self, job: Generation | Scoring) -> None:
        if isinstance(job, Scoring):
            self._scorings.append(ScoringRun(job))
        else:
            prompt = Prompt(ids=list(job.prompt))
            self._prefills.append(Prefill(generation=job, prompt=prompt, waiting=list(job.answers)))

    def _prefill_some(self) -> None:
        """One chunk of one prompt."""
        if not self._prefills or (self._cramped and self._batch.rows):
            return
        prefill = self._prefills[0]
        if self._reader.advance(prefill.prompt):
            if len(prefill.prompt.ids) == len(prefill.generation.prompt):
                prefill.generation.cached_tokens = prefill.prompt.found
            self._ready.append(self._prefills.popleft())
        self._cramped = False

    def _step_batch(self) -> None:
        self._join_ready()
        if self._batch.rows:
            self._put_away(self._batch.step())

    def _score_some(self) -> None:
        """One chunk of a prefix, or one batch of what may follow it."""
        if not self._scorings or (self._cramped and self._batch.rows):
            return
        run = self._scorings[0]
        if run.cancelled():
            run.scoring.done.set_exception(GenerationCancelled("scoring was cancelled"))
            self._scorings.popleft()
        elif self._reader.advance(run.prompt) and run.step(self._model):
            self._scorings.popleft()

    def _join_ready(self) -> None:
        """Sample the first token of waiting answers and let them join, while there is room."""
        while self._ready:
            prefill = self._ready[0]
            if not prefill.waiting:
                self._ready.popleft()
                continue
            room = self._max_rows - len(self._batch.rows)
            if not self._batch.has_room_for(prefill.prompt.cache):
                room = 0
            if room <= 0:
                return
            starting, prefill.waiting = prefill.waiting[:room], prefill.waiting[room:]
            self._start(prefill, starting)

    def _start(self, prefill: Prefill, answers: list[Answer]) -> None:
        logits = prefill.prompt.logits.expand(len(answers), -1).clone()
        rows: list[Row] = []
        for answer, token in zip(answers, next_tokens(logits, answers), strict=True):
            answer.take(token)
            if answer.finish is None:
                rows.append(
                    Row(
                        answer=answer,
                        job=prefill.generation,
                        held=list(prefill.prompt.ids),
                        newest=token,
                    )
                )
        self._batch.join(rows, [prefill.prompt.cache] * len(rows))
        self._settle(prefill.generation)

    def _put_away(self, ended: list[Row]) -> None:
        """Keep the caches of answers that ended, and tell those who wait."""
        if not ended:
            return
        for current in ended:
            if current.answer.finish is not FinishReason.REPETITION:
                self._store.put(current.held, self._batch.take_out(current))
        self._batch.leave(ended)
        for current in ended:
            self._settle(current.job)

    def _settle(self, generation: Generation) -> None:
        if generation.finished() and not generation.done.done():
            generation.done.set_result(generation)

    def _drop_cancelled(self) -> None:
        for prefill in [p for p in (*self._prefills, *self._ready) if p.generation.cancelled()]:
            for answer in prefill.waiting:
                answer.cancel()
            waiting = self._prefills if prefill in self._prefills else self._ready
            waiting.remove(prefill)
            self._settle(prefill.generation)
        stopped = [current for current in self._batch.rows if current.job.cancelled()]
        for current in stopped:
            current.answer.cancel()
        self._put_away(stopped)

    def _prefill_did_not_fit(self) -> None:
        """Try again with nothing kept, then with no batch beside it; then it is too large."""
        prefill = self._prefills[0]
        hopeless = not (self._batch.rows or self._ready or len(self._store))
        prefill.prompt.forget()
        self._free()
        self._cramped = True
        if hopeless:
            self._prefills.popleft()
            self._too_large(prefill.generation.done, len(prefill.prompt.ids))

    def _batch_did_not_fit(self) -> None:
        """Take the batch apart and prefill its answers again, half as many at once."""
        dropped = self._batch.drop()
        for ended in dropped:
            self._settle(ended.job)
        rows = [row for row in dropped if row.answer.finish is None]
        hopeless = len(rows) <= 1 and not len(self._store)
        self._free()
        if hopeless and rows:
            self._too_large(rows[0].job.done, len(rows[0].held))
            return
        self._max_rows = max(1, len(rows) // 2)
        self._prefills.extendleft(self._again(row) for row in reversed(rows))

    def _scoring_did_not_fit(self) -> None:
        """Try again with nothing kept and half as many at once, then with no batch beside it."""
        hopeless = not (self._batch.rows or self._ready or len(self._store))
        self._free()
        run = self._scorings[0]
        if run.halve():
            return
        run.prompt.forget()
        self._cramped = True
        if hopeless:
            self._scorings.popleft()
            self._too_large(run.scoring.done, len(run.prompt.ids))

    def _too_large(self, done: Future[Any], tokens: int) -> None:
        if not done.done():
            done.set_exception(
                ModelDoesNotFit(
                    f"the device ran out of memory with a single request of {tokens} tokens and "
                    "nothing else beside it; use a smaller context window or a smaller model"
                )
            )

    def _again(self, current: Row) -> Prefill:
        """What is needed to go on with an answer whose cache was lost."""
        ids = [*current.held, current.newest]
        return Prefill(generation=current.job, prompt=Prompt(ids=ids), waiting=[current.answer])

    def _free(self) -> None:
        self._store.clear()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _fail_all(self, error: Exception) -> None:
        """End every request with an error."""
        self._store.clear()
        waiting = [p.generation for p in (*self._prefills, *self._ready)]
        waiting += [current.job for current in self._batch.drop()]
        self._cramped = False
        self._prefills.clear()
        self._ready.clear()
        futures: list[Future[Any]] = [generation.done for generation in waiting]
        futures += [run.scoring.done for run in self._scorings]
        self._scorings.clear()
        while not self._asked.empty():
            job = self._asked.get_nowait()
            futures += [] if job is None else [job.done]
        for future in futures:
            if not future.done():
                future.set_exception(error)
