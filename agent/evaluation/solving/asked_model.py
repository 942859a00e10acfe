"""The model alone: each task is one question, asked for all its answers together."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from agent.evaluation.errors import CannotSolve
from agent.evaluation.records import Answer, Sampling, Task
from agent.evaluation.solving.base import NotAnswered
from agent.model.base import Completion, FinishReason, GenerationParams, Message, ModelBackend
from agent.model.errors import ContextWindowExceeded, ModelUnavailable
from agent.runs.stop import Interrupted

PATIENCE_SECONDS = 300.0
"""How long a server that went away is waited for, over what the client itself waits."""
PAUSE_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class AskedModel:
    """Implements `Solver`."""

    model: ModelBackend
    sampling: Sampling
    samples: int
    stop: threading.Event
    patience_seconds: float = PATIENCE_SECONDS

    def solve(self, task: Task) -> Sequence[Answer]:
        if not task.prompt:
            raise CannotSolve("these tasks are projects, which a model cannot be asked at once")
        begin = time.monotonic()
        try:
            completions = self._patiently(task)
        except ContextWindowExceeded as error:
            return [_unasked(task, sample, str(error)) for sample in range(self.samples)]
        if any(completion.finish_reason is FinishReason.CANCELLED for completion in completions):
            raise Interrupted
        share = (time.monotonic() - begin) / len(completions)
        return [_answer(task, i, completion, share) for i, completion in enumerate(completions)]

    def close(self) -> None:
        self.model.close()

    def _patiently(self, task: Task) -> list[Completion]:
        deadline = time.monotonic() + self.patience_seconds
        while True:
            try:
                return self._asked(task)
            except ModelUnavailable as error:
                if self.stop.is_set():
                    raise Interrupted from error
                if time.monotonic() >= deadline:
                    raise NotAnswered(str(error)) from error
            if self.stop.wait(PAUSE_SECONDS):
                raise Interrupted

    def _asked(self, task: Task) -> list[Completion]:
        sampling = self.sampling
        params = GenerationParams(
            max_tokens=sampling.max_tokens,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=sampling.top_k,
            thinking=sampling.thinking,
            seed=sampling.seed,
        )
        question = [Message(role="user", content=task.prompt)]
        return self.model.generate(question, (), params, self.samples, cancel=self.stop)


def _answer(task: Task, sample: int, completion: Completion, seconds: float) -> Answer:
    return Answer(
        task_id=task.task_id,
        sample=sample,
        text=completion.message.content,
        reasoning=completion.message.reasoning,
        finish_reason=completion.finish_reason.value,
        prompt_tokens=completion.usage.prompt_tokens,
        completion_tokens=completion.usage.completion_tokens,
        reasoning_tokens=completion.usage.reasoning_tokens,
        seconds=seconds,
    )


def _unasked(task: Task, sample: int, why: str) -> Answer:
    """The task does not fit the model: that is the model's, so it counts as its answer."""
    return Answer(
        task_id=task.task_id, sample=sample, text="", finish_reason="context_window", note=why
    )
