"""How many sequences may be in the device's memory: fewer after it ran out, more again later."""

from __future__ import annotations

_FIRST_WAIT = 32
_LONGEST_WAIT = 4096


class RowLimit:
    """Shrinks at once and grows by one at a time, after enough tokens without trouble.

    Each time the memory runs out the next growth takes twice as many, so that a load that really
    does not fit is tried seldom; at full size this is forgotten.
    """

    def __init__(self, max_rows: int) -> None:
        self.most = max_rows
        self.rows = max_rows
        self.tight = False
        """The memory ran out, and the limit has not grown back since."""
        self._wait = _FIRST_WAIT // 2
        self._progress = 0

    @property
    def exclusive(self) -> bool:
        """One sequence is tried with nothing beside it, not even what is kept between turns."""
        return self.tight and self.rows == 1

    def shrink(self, to: int) -> None:
        """The memory ran out: allow `to` sequences, at least one and no more than now."""
        self.rows = max(1, min(self.rows, to))
        self.tight = True
        self._wait = min(self._wait * 2, _LONGEST_WAIT)
        self._progress = 0

    def progressed(self) -> None:
        """Something was done that need not be done again: a token of each row, some scores."""
        if not self.tight:
            return
        self._progress += 1
        if self._progress < self._wait:
            return
        self._progress = 0
        self.rows = min(self.rows + 1, self.most)
        if self.rows == self.most:
            self.tight, self._wait = False, _FIRST_WAIT // 2
