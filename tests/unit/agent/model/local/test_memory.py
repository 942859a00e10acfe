"""What context the memory holds, and which errors mean that it ran out."""

from __future__ import annotations

import pytest

from tests.support.model_extra import require_model_extra

require_model_extra()

import torch  # noqa: E402
from transformers.cache_utils import Cache, DynamicLayer  # noqa: E402

from agent.model.local.generation.cache import CacheRow, assembled, cache_bytes  # noqa: E402
from agent.model.local.memory import context_that_fits, is_out_of_memory  # noqa: E402


def test_a_prompt_and_its_copy_in_the_batch_fit_together() -> None:
    free = 100_000
    tokens = context_that_fits(free, bytes_per_token=8, state_bytes=0)
    layer = DynamicLayer()
    layer.update(torch.zeros(1, 1, tokens, 1), torch.zeros(1, 1, tokens, 1))
    prompt = Cache(layers=[layer])
    joined = assembled([CacheRow(prompt, 0, tokens)])
    room = sum(
        tensor.numel() * tensor.element_size()
        for tensor in (joined.layers[0]._roomy_keys, joined.layers[0]._roomy_values)
    )
    assert free - 16 < cache_bytes(prompt) + room <= free


@pytest.mark.parametrize(
    ("error", "ran_out"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED"), True),
        (RuntimeError("CUDA error: device-side assert"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_which_errors_mean_that_memory_ran_out(error: Exception, ran_out: bool) -> None:
    assert is_out_of_memory(error) is ran_out
