"""The device's memory: whether it ran out, giving it back, and what context it holds."""

from __future__ import annotations

import torch

from agent.model.local.generation.cache import SPARE_COLUMNS

_WORDS = ("out of memory", "can't allocate memory", "not enough memory", "alloc_failed")
"""Of errors without a class of their own: the host's, a driver's, a library's on the device."""


def is_out_of_memory(error: BaseException) -> bool:
    """True for a device's or the host's memory running out."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    message = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in message for words in _WORDS)


def give_back_unused() -> None:
    """Return what torch's allocator holds and nothing uses. Allocates nothing."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def context_that_fits(free_bytes: float, bytes_per_token: int, state_bytes: int) -> int:
    """Tokens that one sequence can have where `free_bytes` are left for its caches.

    A prompt is read into one cache and joins the batch by being copied into another, with room to
    grow: both are in memory at once.
    """
    spare = SPARE_COLUMNS * bytes_per_token
    return int((free_bytes - 2 * state_bytes - spare) // (2 * bytes_per_token))
