"""When an answer has gone on long enough."""

from __future__ import annotations

from collections.abc import Sequence

_CHECKED_EVERY = 32
_LONGEST_PERIOD = 160
_MIN_REPEATED = 384
_MIN_TIMES = 6


def is_repeating(ids: Sequence[int]) -> bool:
    """True when the text ends in one stretch said over and over.

    That is: a stretch of up to 160 tokens, at least 6 times in a row and over at least 384
    tokens. Looks only at every 32nd length, so it can be asked for every token.
    """
    if len(ids) < _MIN_REPEATED or len(ids) % _CHECKED_EVERY:
        return False
    tail = list(ids[-_LONGEST_PERIOD * _MIN_TIMES :])
    # Matching from the end finds for each period how far it reaches back.
    return any(_reaches(tail, period) for period in range(1, _LONGEST_PERIOD + 1))


def _reaches(tail: Sequence[int], period: int) -> bool:
    needed = max(_MIN_REPEATED, period * _MIN_TIMES)
    if needed > len(tail):
        return False
    start = len(tail) - needed
    return tail[start + period :] == tail[start : len(tail) - period]
