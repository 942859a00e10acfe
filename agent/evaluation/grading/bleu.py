"""BLEU, as CodeXGLUE's evaluators compute it.

Two of them are in use there: the leaderboard's of code refinement is Google's corpus BLEU with
smoothing by one (`bleu.py`), and the one inside CodeBLEU is NLTK's corpus BLEU with a hair added to
precisions of nought.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

MAX_ORDER = 4
Tokens = Sequence[str]
Weight = Callable[[str], float]


def smoothed_bleu(references: Sequence[Tokens], answers: Sequence[Tokens]) -> float:
    """The leaderboard's figure, in per cent: one reference each, precisions smoothed by one."""
    matches, possible = [0] * MAX_ORDER, [0] * MAX_ORDER
    for reference, answer in zip(references, answers, strict=True):
        for order in range(1, MAX_ORDER + 1):
            common = ngrams(reference, order) & ngrams(answer, order)
            matches[order - 1] += sum(common.values())
            possible[order - 1] += max(0, len(answer) - order + 1)
    precisions = [(m + 1) / (p + 1) for m, p in zip(matches, possible, strict=True)]
    mean = math.exp(sum(math.log(p) for p in precisions) / MAX_ORDER)
    return 100 * mean * _brevity(sum(map(len, references)), sum(map(len, answers)))


def corpus_bleu(references: Sequence[Tokens], answers: Sequence[Tokens]) -> float:
    """NLTK's corpus BLEU of one reference each, from 0 to 1."""
    counts = [(0.0, 0.0)] * MAX_ORDER
    for reference, answer in zip(references, answers, strict=True):
        for order in range(1, MAX_ORDER + 1):
            grams = ngrams(answer, order)
            matches = sum((grams & ngrams(reference, order)).values())
            _add(counts, order, matches, max(1, sum(grams.values())))
    brevity = _brevity(sum(map(len, references)), sum(map(len, answers)))
    return brevity * _geometric(counts)


def weighted_bleu(references: Sequence[Tokens], answers: Sequence[Tokens], weight: Weight) -> float:
    """CodeBLEU's weighted match: of each order, the recall of the reference's n-grams, where single
    tokens count as much as their weight. From 0 to 1.

    Short answers are not penalized: the reference takes the lengths of the wrong lists there, and
    what was published was computed with it.
    """
    counts = [(0.0, 0.0)] * MAX_ORDER
    for reference, answer in zip(references, answers, strict=True):
        for order in range(1, MAX_ORDER + 1):
            reference_grams = ngrams(reference, order)
            shared_grams = reference_grams & ngrams(answer, order)
            if order == 1:
                top, bottom = (
                    sum(count * weight(gram[0]) for gram, count in grams.items())
                    for grams in (shared_grams, reference_grams)
                )
            else:
                top, bottom = sum(shared_grams.values()), sum(reference_grams.values())
            _add(counts, order, top, max(1, bottom))
    return _geometric(counts)


def ngrams(tokens: Tokens, order: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(tokens[i : i + order]) for i in range(len(tokens) - order + 1))


def _add(counts: list[tuple[float, float]], order: int, top: float, bottom: float) -> None:
    counts[order - 1] = (counts[order - 1][0] + top, counts[order - 1][1] + bottom)


def _geometric(counts: Sequence[tuple[float, float]]) -> float:
    """Of precisions, each (matches, possible); NLTK's first smoothing puts a tenth for no match."""
    if not counts[0][0]:
        return 0.0
    logs = [math.log((top or 0.1) / bottom) for top, bottom in counts]
    return math.exp(math.fsum(logs) / MAX_ORDER)


def _brevity(reference_length: int, answer_length: int) -> float:
    if answer_length == 0:
        return 0.0
    return min(1.0, math.exp(1 - reference_length / answer_length))
