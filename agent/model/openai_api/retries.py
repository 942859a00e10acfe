"""Asking a server again: a few times where it answers badly, for minutes where it is away.

A model's server that is started anew reads its weights for minutes. So one that has answered before
and then cannot be reached, or says that it is not ready, is waited for; one that never answered, or
answers nonsense, is asked a few times only.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from agent.model.errors import ModelUnavailable

_MAX_WAIT_SECONDS = 30.0
_MAX_AWAY_WAIT_SECONDS = 10.0
"""Between two looks at a server that is away: it is asked again this soon after it is back."""
T = TypeVar("T")


class Cancelled(Exception):
    """The caller's cancel event was set. Never leaves the package."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long to wait for a server, and how often to come back."""

    attempts: int = 5
    connect_seconds: float = 10.0
    silence_seconds: float = 600.0
    """Longest wait for the next piece of an answer; a long prompt is read in silence."""
    answer_seconds: float = 3600.0
    """Longest time for one whole answer."""
    backoff_seconds: float = 0.5
    """Wait before the second attempt; doubles with each, with jitter, up to 30 s."""
    away_seconds: float = 600.0
    """How long to come back to a server that answered before and then went away."""


class Retries:
    """The attempts at one request."""

    def __init__(
        self,
        patience: Patience,
        reached: Callable[[], bool],
        tell: Callable[[str], None],
        cancel: threading.Event | None,
    ) -> None:
        """`reached` says whether the server ever answered; `tell` hears of the waiting."""
        self._patience, self._reached, self._tell, self._cancel = patience, reached, tell, cancel
        self._failures = 0
        """Bad answers, all in all."""
        self._away = 0
        """Failures in a row of a server that was away."""
        self._away_since: float | None = None
        self._told = False
        self.waited_seconds = 0.0
        """Between attempts."""

    def run(self, attempt: Callable[[], T]) -> T:
        """Call `attempt` until it does not raise ModelUnavailable, with growing waits.

        Raises Cancelled when the cancel event is set meanwhile, and the last error in the end.
        """
        while True:
            if self._cancel is not None and self._cancel.is_set():
                raise Cancelled
            try:
                result = attempt()
            except ModelUnavailable as error:
                self._failed(error)
                continue
            if self._told:
                self._tell(f"the model server is back after {self._seconds_away:.0f} s")
            return result

    @property
    def _seconds_away(self) -> float:
        return 0.0 if self._away_since is None else time.monotonic() - self._away_since

    def _failed(self, error: ModelUnavailable) -> None:
        """Wait until the next attempt, or raise the error."""
        if error.server_is_away:
            self._away_since = self._away_since or time.monotonic()
            self._away += 1
            count = self._away
            waits_on = self._reached() and self._seconds_away < self._patience.away_seconds
        else:
            self._failures, self._away, self._away_since = self._failures + 1, 0, None
            count, waits_on = self._failures, False
        if count >= self._patience.attempts and not waits_on:
            raise self._given_up(error, count) from error
        if waits_on:
            self._told = True
            self._tell(
                f"{error}; waiting for it, {self._seconds_away:.0f} s of at most "
                f"{self._patience.away_seconds:.0f} s"
            )
        self._wait(_delay(error, count, self._patience.backoff_seconds))

    def _given_up(self, error: ModelUnavailable, count: int) -> ModelUnavailable:
        seconds = f" in {self._seconds_away:.0f} s" if self._seconds_away >= 1 else ""
        last = ModelUnavailable(f"{error} ({count} attempts{seconds})")
        last.retry_after_seconds = error.retry_after_seconds
        return last

    def _wait(self, seconds: float) -> None:
        began = time.monotonic()
        if self._cancel is None:
            time.sleep(seconds)
        else:
            self._cancel.wait(seconds)
        self.waited_seconds += time.monotonic() - began


def _delay(error: ModelUnavailable, number: int, backoff_seconds: float) -> float:
    if error.retry_after_seconds is not None:
        return error.retry_after_seconds
    longest = _MAX_AWAY_WAIT_SECONDS if error.server_is_away else _MAX_WAIT_SECONDS
    delay = min(backoff_seconds * 2.0 ** min(number - 1, 16), longest)
    return delay * random.uniform(0.5, 1.5)  # noqa: S311 (spreading retries, not a secret)
