"""Data that suspicious lines use: constants and class attributes, and the rows of long ones.

They are evaluated while importing, which every test does, so coverage says nothing of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from math import log, sqrt

from agent.localization.spectrum import Line
from agent.source.structure import LONG_STATEMENT, Definition, Structure

DATA_SHARE = 0.4
"""A definition inherits this share of the most suspicious line that uses its name."""
WHOLE_SHARE = 0.5
"""What is left of a definition that the search looks at row by row for looking at all of it."""
MIN_MATCH = 0.2
MAX_ROWS = 20


def used_data(
    suspicious: Mapping[Line, float], structures: Mapping[str, Structure], said: Collection[str]
) -> list[tuple[Line, float]]:
    """Places in data with their scores. `said` are words of the failing tests and of their
    failure, as `structure.parts_of` gives them.

    Where many classes define the same attribute, the one that shares rare words with the failure
    is likely meant; the others share the suspicion.
    """
    used = _uses(suspicious, structures)
    places = [
        (path, one)
        for path, known in structures.items()
        for one in known.definitions
        if one.name in used
    ]
    rare = _rare(places, said)
    matches = [_match(frozenset().union(*one.rows.values()), rare) for _, one in places]
    count = Counter(one.name for _, one in places)
    best: dict[str, float] = {}
    for (_, one), match in zip(places, matches, strict=True):
        best[one.name] = max(match, best.get(one.name, 0.0))
    found: list[tuple[Line, float]] = []
    for (path, one), match in zip(places, matches, strict=True):
        share = match / best[one.name] if best[one.name] else 0.0
        share = max(share, 1 / sqrt(count[one.name]))
        found += _lines(path, one, DATA_SHARE * share * used[one.name], rare)
    return found


def _uses(
    suspicious: Mapping[Line, float], structures: Mapping[str, Structure]
) -> dict[str, float]:
    used: dict[str, float] = {}
    for (path, number), score in suspicious.items():
        for word in structures[path].words_of.get(number, ()) if path in structures else ():
            used[word] = max(score, used.get(word, 0.0))
    return used


def _rare(places: list[tuple[str, Definition]], said: Collection[str]) -> dict[str, float]:
    """Words that were said and stand in rows → weight 0..1, rarer words weighing more."""
    rows = [words for _, one in places for words in one.rows.values()]
    counts = Counter(word for words in rows for word in words if word in said)
    total = len(rows) + 1
    return {word: log(total / number) / log(total) for word, number in counts.items()}


def _match(words: Collection[str], rare: Mapping[str, float]) -> float:
    return max((rare.get(word, 0.0) for word in words), default=0.0)


def _lines(
    path: str, one: Definition, score: float, rare: Mapping[str, float]
) -> Iterator[tuple[Line, float]]:
    if one.last - one.line < LONG_STATEMENT:
        yield (path, one.line), score
        return
    yield (path, one.line), WHOLE_SHARE * score
    rows = [(_match(words, rare), line) for line, words in one.rows.items() if line != one.line]
    for match, line in sorted(rows, key=lambda row: (-row[0], row[1]))[:MAX_ROWS]:
        if match > MIN_MATCH:
            yield (path, line), match * score
