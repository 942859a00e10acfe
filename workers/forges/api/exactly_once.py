"""Side effects on a forge that happen exactly once, however often a process dies on the way.

Each is recorded before and after. One that may or may not have happened is looked for there,
by a name or mark that holds the job's id, before it is done again.
"""

from __future__ import annotations

from collections.abc import Callable

from workers.forges.errors import DEFINITE_ERRORS, AlreadyPublishing
from workers.records import EffectState
from workers.store.store import Store

Find = Callable[[], int | str | None]
Make = Callable[[], int | str]


class Once:
    """The side effects of one job."""

    def __init__(self, store: Store, job_id: str) -> None:
        self._store = store
        self._job_id = job_id

    def __call__(self, key: str, *, find: Find, make: Make) -> tuple[str, bool]:
        """What the side effect gave, and whether it was done just now.

        Raises AlreadyPublishing while another process may be doing it.
        """
        effect = self._store.begin(key, self._job_id)
        if effect.state is EffectState.DONE:
            return effect.value or "", False
        if effect.state is EffectState.BUSY:
            raise AlreadyPublishing("another process publishes this job")
        if effect.state is EffectState.UNKNOWN and (earlier := find()) is not None:
            self._store.complete(key, str(earlier))
            return str(earlier), False
        try:
            outcome = str(make())
        except DEFINITE_ERRORS:
            self._store.forget(key)
            raise  # after anything else it may have happened: the next attempt looks
        self._store.complete(key, outcome)
        return outcome, True
