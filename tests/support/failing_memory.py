"""A device whose memory runs out at chosen moments: wherever torch computes, and nowhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from agent.model.local.scheduler import Scheduler

Refusal = Callable[[], bool]


class FailingMemory(TorchDispatchMode):  # type: ignore[misc]
    """Sees every operation of torch, and refuses those for which `refuse` says so."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = self.refused = 0
        self.refuse: Refusal = lambda: False

    def __torch_dispatch__(self, func: Any, _: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.operations += 1
        if self.refuse():
            self.refused += 1
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return func(*args, **(kwargs or {}))

    def refuse_in(self, *places: str) -> None:
        """Refuse one operation inside each of these functions, in this order."""
        left = list(places)

        def refuse() -> bool:
            if left and inside(left[0]):
                del left[0]
                return True
            return False

        self.refuse = refuse

    def refuse_at(self, operation: int) -> None:
        """Refuse the one operation of this number, counted from now."""
        at = self.operations + operation
        self.refuse = lambda: self.operations == at


def inside(place: str) -> bool:
    """True when a function of this name, `Class.name` for a method, is being called."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_qualname == place:
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False


@contextmanager
def failing_memory() -> Iterator[FailingMemory]:
    """Put the engine's thread on such a device, at first with enough memory."""
    memory = FailingMemory()
    turn = Scheduler.turn

    def watched(self: Scheduler) -> None:
        with memory:
            turn(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Scheduler, "turn", watched)
        yield memory
