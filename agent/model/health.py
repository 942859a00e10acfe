"""Whether a model answers, as its server tells those who ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, kw_only=True)
class Health:
    """Health of a model backend, as `/health` reports it."""

    status: str
    """`ok`; `short of memory`: works, fewer at once; `stalled`, `stopped`: does not work."""
    reason: str = ""
    """Why it is not `ok`, in a sentence."""
    works: bool = True


@runtime_checkable
class Monitored(Protocol):
    """A backend that knows whether it still works."""

    def health(self) -> Health:
        """Current health of the model. Returns at once."""

    def when_stopped(self, call: Callable[[], None]) -> None:
        """Have `call` called, from any thread, when the model can never answer again."""
