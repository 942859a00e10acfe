"""Repetition in generated text, at which an answer is ended."""

from __future__ import annotations

from collections.abc import Sequence

_CHECK_INTERVAL_TOKENS = 32
_MAX_PERIOD_TOKENS = 160
_MIN_REPEATED_TOKENS = 384
_MIN_REPETITIONS = 6


def is_repeating(ids: Sequence[int]) -> bool:
    """True when the text ends in one stretch said over and over.

    That is: a stretch of up to 160 tokens, at least 6 times in a row and over at least 384
    tokens. Looks only at every 32nd length, so it can be asked for every token.
    """
    if len(ids) < _MIN_REPEATED_TOKENS or len(ids) % _CHECK_INTERVAL_TOKENS:
        return False
    tail = list(ids[-_MAX_PERIOD_TOKENS * _MIN_REPETITIONS :])
    # Matching from the end finds for each period how far it reaches back.
    return any(_reaches(tail, period) for period in range(1, _MAX_PERIOD_TOKENS + 1))


def _reaches(tail: Sequence[int], period: int) -> bool:
    min_tokens = max(_MIN_REPEATED_TOKENS, period * _MIN_REPETITIONS)
    if min_tokens > len(tail):
        return False
    start = len(tail) - min_tokens
    return tail[start + period :] == tail[start : len(tail) - period]
