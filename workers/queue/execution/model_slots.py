"""Slots at a model as one job uses them: taken before a generation, given back after it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from workers.errors import StoreUnavailable
from workers.queue.execution.metered import pause
from workers.records import Claim
from workers.store.store import Store

log = logging.getLogger(__name__)


class ModelSlots:
    """Bounds the generations of one claim at one URL. Safe to use from several threads.

    A database that is away for a moment delays a generation, and never costs one: what was
    generated is paid for.
    """

    def __init__(
        self, store: Store, claim: Claim, url: str, slots: int, stop: threading.Event
    ) -> None:
        self._store, self._claim, self._url, self._slots = store, claim, url, slots
        self._stop = stop
        self._owed: set[int] = set()
        """Slots that could not be given back. The heartbeat keeps them until `settle` can."""
        self._guard = threading.Lock()

    @contextmanager
    def held(self, cancel: threading.Event | None) -> Iterator[None]:
        """Hold a slot within the block; go on without one when the job is to stop."""
        slot = self._take(cancel)
        try:
            yield
        finally:
            if slot is not None:
                self._owe(slot)
                self.settle()

    def settle(self) -> None:
        """Give back what is owed; where that fails, it is owed still. Raises nothing."""
        with self._guard:
            slots = sorted(self._owed)
        for slot in slots:
            try:
                self._store.free_slot(self._claim, self._url, slot)
            except StoreUnavailable as error:
                log.warning("place %d at the model is given back later: %s", slot, error)
                return
            with self._guard:
                self._owed.discard(slot)

    def _take(self, cancel: threading.Event | None) -> int | None:
        while not (self._stop.is_set() or (cancel is not None and cancel.is_set())):
            try:
                slot = self._store.take_slot(self._claim, self._url, self._slots)
            except StoreUnavailable as error:
                log.warning("no place at the model yet: %s", error)
                slot = None
            if slot is not None:
                with self._guard:
                    self._owed.discard(slot)  # it ran out meanwhile, and is taken anew
                return slot
            self._stop.wait(pause())
        return None

    def _owe(self, slot: int) -> None:
        with self._guard:
            self._owed.add(slot)
