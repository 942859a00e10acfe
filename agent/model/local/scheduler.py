"""Scheduling of the engine: the next step of the model, and recovery when memory runs out.

All that is on the device can be made again: an answer is its prompt and the tokens it has. So
there is one way out wherever memory runs out. What was tried is undone, every cache but the one
in use is let go of, and fewer sequences are allowed in memory from then on. What was tried waits
its turn again; only what ran out of memory twice, the second time alone, ends with an error. The
limit grows back with tokens generated, never with prompts read again, so that this always comes
to an end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypeAlias

import torch

from agent.model.base import FinishReason
from agent.model.engine_settings import EngineSettings
from agent.model.errors import GenerationCancelled, ModelDoesNotFit, ModelUnavailable
from agent.model.local.device_limits import settle
from agent.model.local.engine_requests import Generation, Prefill, Scoring
from agent.model.local.generation.decoding import DecodeBatch, Row, next_tokens
from agent.model.local.generation.prefill import PromptReader
from agent.model.local.generation.prefix_store import PrefixStore
from agent.model.local.generation.scoring import ScoringRun
from agent.model.local.memory import give_back_unused, is_out_of_memory
from agent.model.local.request_queue import JobQueue
from agent.model.local.row_limit import RowLimit
from agent.model.local.time_share import TimeShare

Unit: TypeAlias = Prefill | ScoringRun | DecodeBatch


class Scheduler:
    """Schedules prefills, decoding and scorings. Belongs to the engine's thread."""

    def __init__(
        self,
        model: Any,
        settings: EngineSettings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._model = model
        self._clock = clock
        self._prefill_share = TimeShare(settings.prefill_share)
        self._score_share = TimeShare(settings.score_share)
        self._store = PrefixStore(settings.cache_bytes)
        self._reader = PromptReader(model, self._store, settings.prefill_chunk)
        self.batch = DecodeBatch(model)
        self.queue = JobQueue()
        self.limit = RowLimit(settings.max_rows)
        self._at: Unit = self.batch
        """Whose work the device is doing: told by an error about it."""
        self.advanced = 0
        """Counts pieces of work that succeeded."""

    def idle(self) -> bool:
        return not self.batch.rows and not len(self.queue)

    def add(self, job: Generation | Scoring) -> None:
        # From here on its future is ours: one that is cancelled could not be given a result.
        if not job.done.set_running_or_notify_cancel():
            return
        if isinstance(job, Generation) and not job.answers:
            self._settle(job)
        else:
            self.queue.add(job)

    def turn(self) -> None:
        """Do one step of each kind of work. Raises ModelUnavailable when the device is broken."""
        for work in (
            self._drop_cancelled,
            self._prefill_some,
            self._join_ready,
            self._step_batch,
            self._score_some,
        ):
            self._at = self.batch
            error = _error_of(work)
            if error is not None and is_out_of_memory(error):
                self._ran_out()
            elif error is not None:
                self._failed(error)

    def fail_all(self, error: Exception) -> None:
        """End every job with an error and let go of everything."""
        self._store.clear()
        jobs: list[Generation | Scoring] = [row.job for row in self.batch.drop()]
        jobs += self.queue.generations()
        jobs += [run.scoring for run in self.queue.scorings]
        self.queue.clear()
        for job in jobs:
            _fail(job.done, error)

    def _drop_cancelled(self) -> None:
        for job in self.queue.drop_cancelled():
            if isinstance(job, ScoringRun):
                _fail(job.scoring.done, GenerationCancelled("scoring was cancelled"))
                continue
            for answer in job.waiting:
                answer.cancel()
            self._settle(job.generation)
        cancelled_rows = [row for row in self.batch.rows if row.job.cancelled()]
        for row in cancelled_rows:
            row.answer.cancel()
        self._put_away(cancelled_rows)

    def _prefill_some(self) -> None:
        """One chunk of one prompt."""
        if not self.queue.prefills or self._prefill_share.used_up:
            return
        prefill = self.queue.prefills[0]
        if not prefill.begun and not self._may_begin(prefill.generation.ticket):
            return
        self._at = prefill
        with self._charged(self._prefill_share):
            whole = self._reader.advance(prefill.prompt, keep=not self.limit.exclusive)
        if whole:
            if len(prefill.prompt.ids) == len(prefill.generation.prompt):
                prefill.generation.cached_tokens = prefill.prompt.found
            self.queue.ready.append(self.queue.prefills.popleft())
        self.advanced += 1

    def _may_begin(self, ticket: int) -> bool:
        """Whether one more sequence may come into memory; if that is short, the next in turn."""
        queue = self.queue
        sequences = len(self.batch.rows) + len(queue.ready) + sum(p.begun for p in queue.prefills)
        if self.limit.tight:
            sequences += sum(run.begun for run in queue.scorings)
            if queue.oldest() != ticket:
                return False
        return sequences < self.limit.rows

    def _join_ready(self) -> None:
        """Let waiting answers join, while there is room."""
        while self.queue.ready:
            prefill = self.queue.ready[0]
            room = self.limit.rows - len(self.batch.rows)
            if room <= 0 or not self.batch.has_room_for(prefill.prompt.cache):
                return
            self._start(prefill, room)

    def _start(self, prefill: Prefill, room: int) -> None:
        """Sample the first token of up to `room` answers; those that go on join the batch."""
        self._at = prefill
        prompt, answers = prefill.prompt, prefill.waiting[:room]
        logits = prompt.logits.expand(len(answers), -1).clone()
        rows: list[Row] = []
        for answer, token in zip(answers, next_tokens(logits, answers), strict=True):
            answer.take(token)
            if answer.finish is None:
                cached_ids = list(prompt.ids)
                rows.append(
                    Row(answer=answer, job=prefill.generation, held=cached_ids, newest=token)
                )
        # Nothing that needs memory comes between: each answer is either here or there.
        del prefill.waiting[: len(answers)]
        if not prefill.waiting:
            self.queue.ready.popleft()
        self._at = self.batch
        self.batch.join(rows, [prompt.cache] * len(rows))
        self._settle(prefill.generation)
        self._progressed(prefill.generation)

    def _step_batch(self) -> None:
        if not self.batch.rows:
            self._prefill_share.forget()
            self._score_share.forget()
            return
        began = self._clock()
        finished_rows = self.batch.step()
        seconds = self._clock() - began
        self._prefill_share.decoded(seconds)
        self._score_share.decoded(seconds)
        self._progressed(*(row.job for row in self.batch.rows))
        self._put_away(finished_rows)

    @contextmanager
    def _charged(self, share: TimeShare) -> Iterator[None]:
        """Charge the work inside to a share of the time, where answers wait meanwhile."""
        began = self._clock()
        yield
        # A device works on while we go on: the next step of the batch would pay for this.
        settle(str(self._model.device))
        if self.batch.rows:
            share.spent(self._clock() - began)

    def _put_away(self, finished_rows: list[Row]) -> None:
        """Keep the caches of answers that ended, tell those who wait, close the gaps."""
        if not finished_rows:
            return
        for row in finished_rows:
            if row.answer.finish is not FinishReason.REPETITION:
                self._keep(row)
        for row in finished_rows:
            self._settle(row.job)
        self.batch.leave(finished_rows)

    def _keep(self, row: Row) -> None:
        """Keep an answer's cache for the next turn, where there is memory for it."""
        error = _error_of(lambda: self._store.put(row.held, self.batch.take_out(row)))
        if error is not None and is_out_of_memory(error):
            self._store.clear()
            give_back_unused()
        elif error is not None:
            raise error

    def _settle(self, generation: Generation) -> None:
        if generation.finished() and not generation.done.done():
            generation.done.set_result(generation)

    def _score_some(self) -> None:
        """One chunk of a prefix, or one batch of what may follow it."""
        if not self.queue.scorings or self._score_share.used_up:
            return
        run = self.queue.scorings[0]
        if not run.begun and self.limit.tight and not self._may_begin(run.scoring.ticket):
            return
        self._at = run
        with self._charged(self._score_share):
            if not self._reader.advance(run.prompt, keep=not self.limit.exclusive):
                self.advanced += 1
                return
            is_done = run.step(self._model)
        if is_done:
            self.queue.remove(run)
        self._progressed(run.scoring)

    def _progressed(self, *jobs: Generation | Scoring) -> None:
        """Something was done for these that need not be done again."""
        for job in jobs:
            job.failed_alone = False
        self.advanced += 1
        self.limit.progressed()

    def _ran_out(self) -> None:
        """The memory ran out at `_at`. Allocates nothing itself."""
        at = self._at
        beside = self.queue.forget(but=None if isinstance(at, DecodeBatch) else at)
        beside = beside or len(self._store) > 0
        self._store.clear()
        if isinstance(at, Prefill):
            self._prompt_did_not_fit(at, beside)
        elif isinstance(at, ScoringRun):
            self._scoring_did_not_fit(at, beside)
        else:
            self._batch_did_not_fit(beside)
        give_back_unused()

    def _prompt_did_not_fit(self, prefill: Prefill, beside: bool) -> None:
        self.queue.unread(prefill)
        self.limit.shrink(len(self.batch.rows))
        if not (beside or self.batch.rows) and self._hopeless(prefill.generation):
            self.queue.remove(prefill)
            self._too_large(prefill.generation, len(prefill.prompt.ids))

    def _batch_did_not_fit(self, beside: bool) -> None:
        rows = self.batch.drop()
        for row in rows:
            self._settle(row.job)
        unfinished_rows = [row for row in rows if row.answer.finish is None]
        self.limit.shrink(len(unfinished_rows) // 2)
        if len(rows) == len(unfinished_rows) == 1 and not beside and self._hopeless(rows[0].job):
            self._too_large(rows[0].job, len(rows[0].held) + 1)
        else:
            self.queue.again(unfinished_rows)

    def _scoring_did_not_fit(self, run: ScoringRun, beside: bool) -> None:
        if run.prompt.whole and run.halve():
            return
        run.prompt.forget()
        self.limit.shrink(len(self.batch.rows))
        if not (beside or self.batch.rows) and self._hopeless(run.scoring):
            self.queue.remove(run)
            self._too_large(run.scoring, len(run.prompt.ids))

    def _hopeless(self, job: Generation | Scoring) -> bool:
        """Whether a job that ran out of memory alone did so before: once may be the allocator,
        which had parted its memory for others."""
        failed_alone, job.failed_alone = job.failed_alone, True
        return failed_alone

    def _too_large(self, job: Generation | Scoring, tokens: int) -> None:
        error = ModelDoesNotFit(
            f"the device ran out of memory with a single request of {tokens} tokens and "
            "nothing else beside it; use a smaller context window or a smaller model"
        )
        self._end(job, error)

    def _end(self, job: Generation | Scoring, error: Exception) -> None:
        """End a job with an error; what else of it is under way is dropped next."""
        _fail(job.done, error)
        if isinstance(job, Generation):
            job.abandoned.set()

    def _failed(self, error: Exception) -> None:
        """Not for want of memory: those who took part are told, the others go on."""
        at = self._at
        failure = ModelUnavailable(f"the model failed: {type(error).__name__}: {error}")
        if isinstance(at, DecodeBatch):
            for row in at.drop():
                self._settle(row.job)
                self._end(row.job, failure)
        else:
            self.queue.remove(at)
            self._end(at.generation if isinstance(at, Prefill) else at.scoring, failure)
        self._check_device(failure)

    def _check_device(self, failure: ModelUnavailable) -> None:
        """See with one token whether the request was at fault; raise `failure` where it was not."""
        tokens = [[0]]
        error = _error_of(
            lambda: self._model(
                input_ids=torch.tensor(tokens, device=self._model.device), use_cache=False
            )
        )
        if error is not None and not is_out_of_memory(error):
            raise failure


def _error_of(work: Callable[[], object]) -> Exception | None:
    """The error that `work` ends with. Its traceback, which holds on to tensors, is let go of."""
    try:
        work()
    except Exception as error:
        error.__context__ = error.__cause__ = None
        return error.with_traceback(None)
    return None


def _fail(future: Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
