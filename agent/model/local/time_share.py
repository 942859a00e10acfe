"""Shares of the device's time for work that generates nothing, while answers are generated."""

from __future__ import annotations


class TimeShare:
    """Lets one kind of work have its share of the time, and no more, beside the decoding.

    A piece of such work takes as long as ten steps of the batch, and is not divided. So it owes the
    decoding what it took beyond its share, and waits until that is paid back.
    """

    def __init__(self, share: float) -> None:
        """`share` is above 0; 1 has nothing wait."""
        if not 0 < share <= 1:
            raise ValueError("a share of time must be above 0 and at most 1")
        self._owed_per_second = (1 - share) / share
        self._owed_seconds = 0.0

    @property
    def used_up(self) -> bool:
        """Whether this work must wait for the decoding."""
        return self._owed_seconds > 0

    def spent(self, seconds: float) -> None:
        """Work of this kind took so long, and answers waited."""
        self._owed_seconds += seconds * self._owed_per_second

    def decoded(self, seconds: float) -> None:
        """The batch went on for so long."""
        self._owed_seconds = max(0.0, self._owed_seconds - seconds)

    def forget(self) -> None:
        """No answer is being generated: there is nobody to owe time to."""
        self._owed_seconds = 0.0
