"""Ranking of suspicious statements by coverage, the failing traceback, the words of the failure.

Coverage alone leaves heavy ties (on Python, Ochiai has the fault in its first five lines in about
43 % of cases: Rezaalipour & Furia, "An empirical study of fault localization in Python programs",
2024), so what the failure itself says breaks them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import log

from agent.localization.data_definitions import used_data
from agent.localization.spectrum import MAX_DSTAR, Line, Spectrum
from agent.records import SuspiciousLine
from agent.source.structure import Structure, parts_of, structure
from sandbox.runners.base import TestResult

TRACEBACK_WEIGHT = 1.0
WORDS_WEIGHT = 0.8
MAX_SOURCE_CHARACTERS = 4_000_000
"""Of the files that are looked at, those that the failing tests ran first."""
SIBLING_SHARE = 0.25
"""Lines of a suspicious function that no failing test ran: a wrong branch can hide the fault."""
ROW_SHARE = 0.5
"""Of a statement's score, for a line in a long one: the statement as a whole comes first, but the
search looks at all of it only from a distance."""
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{2,}")


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Words and stack frames of the failing tests, as evidence for the ranking."""

    results: tuple[TestResult, ...]
    test_words: frozenset[str]
    """Identifiers in the bodies of the failing tests."""
    test_strings: tuple[str, ...] = ()
    """Texts in them."""
    problem_statement: str = ""


def rank(
    spectrum: Spectrum,
    failure: Failure,
    read_source: Callable[[str], str | None],
    imported: Iterable[str] = (),
) -> tuple[SuspiciousLine, ...]:
    """Order the statements that may hold the fault, most suspicious first, scores in 0..1.

    `read_source` returns the text of a project source file, or None for a path that is not one.
    `imported` are the files that the failing tests import: what they define may be used.
    """
    frames = _frame_weights(failure.results, read_source)
    paths = {path for path, _ in [*spectrum.failed, *frames]}
    structures = _structures([*sorted(paths), *sorted({*imported} - paths)], read_source)
    base = _statement_scores(spectrum, frames, structures)
    if not base:
        return ()
    ran = {path: file_structure for path, file_structure in structures.items() if path in paths}
    words = _rare_words(failure, ran)
    weights: dict[Line, float] = {}
    reasons: dict[Line, tuple[str, ...]] = {}
    for line, ochiai in base.items():
        trace = _trace_weight(line, frames, structures)
        match = _word_match(line, words, structures)
        weights[line] = ochiai * (1 + TRACEBACK_WEIGHT * trace + WORDS_WEIGHT * match)
        evidence = (("traceback", trace), ("words of the failure", match))
        reasons[line] = tuple(name for name, value in evidence if value > 0.2)
    _add_siblings(weights, reasons, ran)
    for line, score in used_data(weights, structures, _failure_words(failure)):
        _raise(weights, reasons, line, score, "used there")
    return _sorted(weights, reasons, spectrum, structures)


def _structures(
    paths: Iterable[str], read_source: Callable[[str], str | None]
) -> dict[str, Structure]:
    structures: dict[str, Structure] = {}
    size = 0
    for path in paths:
        text = read_source(path)
        if text is None or size > MAX_SOURCE_CHARACTERS:
            continue
        size += len(text)
        try:
            structures[path] = structure(text)
        except (SyntaxError, ValueError, RecursionError):
            continue
    return structures


def _frame_weights(
    results: Iterable[TestResult], read_source: Callable[[str], str | None]
) -> dict[Line, float]:
    """Project lines of the failing tracebacks; the innermost weighs 1, each outer one 0.7 of it."""
    weights: dict[Line, float] = {}
    for result in results:
        weight = 1.0
        for frame in reversed(result.frames):
            if read_source(frame.path) is None:
                continue
            line = (frame.path, frame.line)
            weights[line] = max(weight, weights.get(line, 0.0))
            weight *= 0.7
    return weights


def _statement_scores(
    spectrum: Spectrum, frames: Mapping[Line, float], structures: Mapping[str, Structure]
) -> dict[Line, float]:
    scores: dict[Line, float] = {}
    for path, number in [*spectrum.failed, *frames]:
        file_structure = structures.get(path)
        first = file_structure.statement_of.get(number, number) if file_structure else number
        # A frame that coverage did not see (it ran at import, say) is suspicious all the same.
        score = max(spectrum.ochiai((path, number)), 0.3 * frames.get((path, number), 0.0))
        scores[path, first] = max(score, scores.get((path, first), 0.0))
        if number != first and file_structure and file_structure.is_long(first):
            scores[path, number] = ROW_SHARE * score
    return scores


def _trace_weight(
    line: Line, frames: Mapping[Line, float], structures: Mapping[str, Structure]
) -> float:
    path, number = line
    file_structure = structures.get(path)
    best = 0.0
    for (frame_path, frame_line), weight in frames.items():
        if frame_path != path:
            continue
        statement = (
            file_structure.statement_of.get(frame_line, frame_line)
            if file_structure
            else frame_line
        )
        if number in (statement, frame_line):
            best = max(best, weight)
        elif file_structure and _same_function(file_structure, statement, number):
            best = max(best, 0.5 * weight)
    return best


def _same_function(file_structure: Structure, line: int, other_line: int) -> bool:
    span = file_structure.function_at(line)
    return span is not None and span == file_structure.function_at(other_line)


def _rare_words(failure: Failure, structures: Mapping[str, Structure]) -> dict[str, float]:
    """Words of the failure that also stand in the sources → weight, rarer words weighing more."""
    failure_words = set(failure.test_words)
    for result in failure.results:
        failure_words |= set(_WORD.findall(result.message)) | set(_WORD.findall(result.test_id))
    failure_words |= set(_WORD.findall(failure.problem_statement))
    failure_words |= {
        part for word in failure_words for part in word.lower().split("_") if len(part) > 2
    }
    counts: dict[str, int] = {}
    total = 1
    for file_structure in structures.values():
        for words in file_structure.words_of.values():
            total += 1
            for word in words & failure_words:
                counts[word] = counts.get(word, 0) + 1
    return {word: log(total / count) / log(total) for word, count in counts.items() if total > 1}


def _failure_words(failure: Failure) -> frozenset[str]:
    """Words of the failing tests, their names and their messages."""
    results = [text for r in failure.results for text in (r.test_id, r.message)]
    return parts_of([*failure.test_words, *failure.test_strings, *results])


def _word_match(
    line: Line, words: Mapping[str, float], structures: Mapping[str, Structure]
) -> float:
    path, number = line
    file_structure = structures.get(path)
    if file_structure is None:
        return 0.0
    line_match = max(
        (words.get(word, 0.0) for word in file_structure.words_of.get(number, ())), default=0.0
    )
    span = file_structure.function_at(number)
    function_match = words.get(span.name, 0.0) if span else 0.0
    if span and not function_match:
        parts = [part for part in span.name.lower().split("_") if len(part) > 2]
        function_match = 0.5 * max((words.get(part, 0.0) for part in parts), default=0.0)
    return 0.5 * line_match + 0.5 * function_match


def _add_siblings(
    weights: dict[Line, float],
    reasons: dict[Line, tuple[str, ...]],
    structures: Mapping[str, Structure],
) -> None:
    """Add unexecuted lines of suspicious functions."""
    for (path, number), score in list(weights.items()):
        file_structure = structures.get(path)
        span = file_structure.function_at(number) if file_structure else None
        if file_structure is None or span is None:
            continue
        for line in [span.first, *file_structure.statements_in(span)]:
            if (path, line) not in reasons or reasons[path, line] == ("same function",):
                _raise(weights, reasons, (path, line), SIBLING_SHARE * score, "same function")


def _raise(
    weights: dict[Line, float],
    reasons: dict[Line, tuple[str, ...]],
    line: Line,
    score: float,
    reason: str,
) -> None:
    if score > weights.get(line, 0.0):
        weights[line] = score
        if reason not in reasons.get(line, ()):
            reasons[line] = (*reasons.get(line, ()), reason)


def _sorted(
    weights: Mapping[Line, float],
    reasons: Mapping[Line, tuple[str, ...]],
    spectrum: Spectrum,
    structures: Mapping[str, Structure],
) -> tuple[SuspiciousLine, ...]:
    top = max(weights.values()) or 1.0
    lines = []
    for (path, number), score in weights.items():
        if score <= 0:
            continue
        last = structures[path].last_of.get(number, number) if path in structures else number
        places = [(path, line) for line in range(number, last + 1)]
        lines.append(
            SuspiciousLine(
                path=path,
                line=number,
                score=score / top,
                ochiai=max(map(spectrum.ochiai, places)),
                dstar=min(max(map(spectrum.dstar, places)), MAX_DSTAR),
                reasons=reasons.get((path, number), ()),
                last_line=last if last > number else 0,
            )
        )
    return tuple(sorted(lines, key=lambda line: (-line.score, line.path, line.line)))
