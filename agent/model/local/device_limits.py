"""How fast a device reads its memory and multiplies, and what that allows a model at most."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

_GPU_PROBE_BYTES = 4 << 30
_CPU_PROBE_BYTES = 256 << 20
_GPU_MATRIX_SIDE = 8192
_CPU_MATRIX_SIDE = 1024
_MEASUREMENT_RUNS = 5


def measured_bandwidth(device: str) -> float:
    """Bytes a second, read and written together, of the best of five large copies."""
    size = _GPU_PROBE_BYTES if device.startswith("cuda") else _CPU_PROBE_BYTES
    source = torch.ones(size // 4, dtype=torch.float32, device=device)
    target = torch.empty_like(source)
    return 2 * size / _best_seconds(lambda: target.copy_(source), device)


def prefill_floor(model: Any) -> float:
    """Prompt tokens a second if the products with the weights were the only work.

    Two operations for each weight and token, at the speed of the best of five large products in
    the model's own type. Attention over a long prompt comes on top.
    """
    device = str(model.device)
    side = _GPU_MATRIX_SIDE if device.startswith("cuda") else _CPU_MATRIX_SIDE
    factor = torch.ones((side, side), dtype=model.dtype, device=device)
    product = torch.empty_like(factor)
    seconds = _best_seconds(lambda: torch.mm(factor, factor, out=product), device)
    weights = streamed_bytes(model) / model.dtype.itemsize
    return float(side**3 / seconds / weights)


def _best_seconds(work: Callable[[], Any], device: str) -> float:
    best = float("inf")
    for _ in range(_MEASUREMENT_RUNS):
        settle(device)
        start = time.perf_counter()
        work()
        settle(device)
        best = min(best, time.perf_counter() - start)
    return best


def streamed_bytes(model: Any) -> int:
    """Bytes of weights that one token needs: all but the input embedding, of which it reads a row.

    An embedding shared with the output layer is read whole.
    """
    total = sum(p.numel() * p.element_size() for p in model.parameters())
    embedding = model.get_input_embeddings().weight
    output = model.get_output_embeddings()
    is_shared = output is not None and output.weight is embedding
    return int(total if is_shared else total - embedding.numel() * embedding.element_size())


def floor_tokens_per_second(
    model: Any, bandwidth: float, *, rows: int = 1, row_bytes: int = 0
) -> float:
    """Tokens a second of all rows together if memory were the only limit.

    `row_bytes` is what one row's cache holds; each step reads it and the weights once.
    """
    return rows * bandwidth / (streamed_bytes(model) + rows * row_bytes)


def settle(device: str) -> None:
    """Wait until the device has done what it was asked."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
