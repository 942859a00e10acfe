"""One compiled decoding step over a static cache: what CUDA graphs could bring the engine."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import torch
from transformers import StaticCache

_PREFILL_CHUNK = 4096
_WARM_STEPS = 4


class CompiledTooLong(BaseException):
    """Compiling used up its time; nothing was measured. No Exception: the compiler wraps those."""


def decode_compiled(
    model: Any, context: int, rows: int, steps: int, compile_seconds: float
) -> float:
    """Tokens a second, greedy, without sampling. On a GPU the step is recorded as a CUDA graph.

    Raises CompiledTooLong when the first steps, which compile, take over `compile_seconds`.
    """
    cache = StaticCache(config=model.config, max_cache_len=context + steps + 16)
    ids = torch.randint(0, 1000, (rows, context), device=model.device)
    for start in range(0, context, _PREFILL_CHUNK):
        output = model(
            input_ids=ids[:, start : start + _PREFILL_CHUNK],
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
    mode = "reduce-overhead" if model.device.type == "cuda" else "default"
    run = Run(torch.compile(model, mode=mode, fullgraph=True), cache, output, context)
    with at_most(compile_seconds):
        run.steps(_WARM_STEPS)
    started = time.perf_counter()
    run.steps(steps)
    return rows * steps / (time.perf_counter() - started)


class Run:
    """A static cache that is written step by step."""

    def __init__(self, step: Any, cache: Any, output: Any, context: int) -> None:
        self._step, self._cache = step, cache
        self._token = output.logits[:, -1:].argmax(-1)
        self._position = torch.full_like(self._token, context)

    def steps(self, count: int) -> None:
        for _ in range(count):
            # A recorded graph reads its inputs in place: they must not be its own outputs.
            output = self._step(
                input_ids=self._token.clone(),
                position_ids=self._position.clone(),
                past_key_values=self._cache,
                use_cache=True,
            )
            self._token = output.logits[:, -1:].argmax(-1)
            self._position += 1
        if torch.cuda.is_available():
            torch.cuda.synchronize()


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raises CompiledTooLong inside after so many seconds."""

    def ring(_: int, __: FrameType | None) -> None:
        raise CompiledTooLong(f"compiling took over {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
