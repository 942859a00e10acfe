"""Decoder layers compiled for one token a row: a step of the batch is bound by starting operations.

A prompt is read by the layers as they are. The compiler keeps what it made by code object, and
tries one after the other until one fits; the layers of a model share theirs. So each layer is given
a code object of its own, or the sixty-fourth would be found after sixty-three others.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

import torch

_MAX_VARIANTS = 64
"""Of one layer: for one row and for more, with padding and without, …; then it runs as it is."""


def compile_layers(model: Any, backend: str) -> None:
    """Have each decoder layer of `model` run compiled where it takes one token a row.

    `backend` is a compiler of torch, e.g. `inductor`. Compiling happens in the first steps.
    """
    torch._dynamo.config.recompile_limit = _MAX_VARIANTS
    for layer in model.get_decoder().layers:
        layer.forward = _for_one_token(layer.forward, backend)


def _for_one_token(forward: Callable[..., Any], backend: str) -> Callable[..., Any]:
    def step(hidden_states: Any, **keywords: Any) -> Any:
        return forward(hidden_states, **keywords)

    step_copy = FunctionType(
        step.__code__.replace(), step.__globals__, step.__name__, closure=step.__closure__
    )
    compiled_step = torch.compile(step_copy, dynamic=True, backend=backend)

    def run(hidden_states: Any, **keywords: Any) -> Any:
        implementation = compiled_step if hidden_states.shape[1] == 1 else forward
        return implementation(hidden_states, **keywords)

    return run
