"""Data definitions that suspicious lines use: constants and class attributes, and the rows of long
ones.

They are evaluated while importing, which every test does, so coverage says nothing of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from math import log, sqrt

from agent.localization.spectrum import Line
from agent.source.structure import LONG_STATEMENT_LINES, Definition, Structure

DATA_SHARE = 0.4
"""A definition inherits this share of the most suspicious line that uses its name."""
WHOLE_SHARE = 0.5
"""What is left of a definition that the search looks at row by row for looking at all of it."""
MIN_MATCH = 0.2
MAX_DATA_ROWS = 20


def used_data(
    suspicious: Mapping[Line, float],
    structures: Mapping[str, Structure],
    failure_words: Collection[str],
) -> list[tuple[Line, float]]:
    """Places in data with their scores. `failure_words` are words of the failing tests and of their
    failure, as `structure.parts_of` gives them.

    Where many classes define the same attribute, the one that shares rare words with the failure
    is likely meant; the others share the suspicion.
    """
    scores = _uses(suspicious, structures)
    places = [
        (path, definition)
        for path, file_structure in structures.items()
        for definition in file_structure.definitions
        if definition.name in scores
    ]
    rare = _rare(places, failure_words)
    matches = [
        _match(frozenset().union(*definition.rows.values()), rare) for _, definition in places
    ]
    count = Counter(definition.name for _, definition in places)
    best: dict[str, float] = {}
    for (_, definition), match in zip(places, matches, strict=True):
        best[definition.name] = max(match, best.get(definition.name, 0.0))
    scored_lines: list[tuple[Line, float]] = []
    for (path, definition), match in zip(places, matches, strict=True):
        share = match / best[definition.name] if best[definition.name] else 0.0
        share = max(share, 1 / sqrt(count[definition.name]))
        scored_lines += _lines(path, definition, DATA_SHARE * share * scores[definition.name], rare)
    return scored_lines


def _uses(
    suspicious: Mapping[Line, float], structures: Mapping[str, Structure]
) -> dict[str, float]:
    scores: dict[str, float] = {}
    for (path, number), score in suspicious.items():
        for word in structures[path].words_of.get(number, ()) if path in structures else ():
            scores[word] = max(score, scores.get(word, 0.0))
    return scores


def _rare(places: list[tuple[str, Definition]], failure_words: Collection[str]) -> dict[str, float]:
    """Words that were said and stand in rows → weight 0..1, rarer words weighing more."""
    rows = [words for _, definition in places for words in definition.rows.values()]
    counts = Counter(word for words in rows for word in words if word in failure_words)
    total = len(rows) + 1
    return {word: log(total / number) / log(total) for word, number in counts.items()}


def _match(words: Collection[str], rare: Mapping[str, float]) -> float:
    return max((rare.get(word, 0.0) for word in words), default=0.0)


def _lines(
    path: str, definition: Definition, score: float, rare: Mapping[str, float]
) -> Iterator[tuple[Line, float]]:
    if definition.last - definition.line < LONG_STATEMENT_LINES:
        yield (path, definition.line), score
        return
    yield (path, definition.line), WHOLE_SHARE * score
    rows = [
        (_match(words, rare), line)
        for line, words in definition.rows.items()
        if line != definition.line
    ]
    for match, line in sorted(rows, key=lambda row: (-row[0], row[1]))[:MAX_DATA_ROWS]:
        if match > MIN_MATCH:
            yield (path, line), match * score
