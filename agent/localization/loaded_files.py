"""Suspicious lines where nothing records which lines a test runs: those of the failing stacks, then
the files that the failing tests load."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection, Iterable, Iterator

from agent.records import SuspiciousLine
from sandbox.runners.base import TestResult
from sandbox.runners.test_ids import file_of

OUTER_SHARE = 0.7
"""Of a line's score, for the line that called it."""
LOADED_SCORE = 0.2
"""Of a file that a failing test loads itself; what that loads has half of it."""
MAX_DEPTH = 2
MAX_LOADED_FILES = 60
_LOADS = re.compile(
    r"""(?:\brequire\s*\(|\bimport\s*\(|\bfrom|\bimport)\s*["'](\.{1,2}/?[^"'\n]*)["']"""
)
_DEFINES = re.compile(
    r"^(?!\s*(?:import|//|\*|/\*))(?:export\s|.*\bfunction\b|.*=>|class\b|module\.exports|exports\.)"
)
_ENDS = ("", ".js", ".cjs", ".mjs", ".jsx", ".ts", ".cts", ".mts", ".tsx")
ReadSource = Callable[[str], str | None]


def lines_of_failures(
    results: Collection[TestResult], paths: Collection[str], read: ReadSource, read_any: ReadSource
) -> tuple[SuspiciousLine, ...]:
    """Lines of the project's source, most suspicious first. `read` gives the text of a source file
    and None for anything else, `read_any` that of tests as well."""
    scores: dict[tuple[str, int], float] = {}
    reasons: dict[tuple[str, int], str] = {}
    for place, score in _in_stacks(results, read):
        scores[place] = max(score, scores.get(place, 0.0))
        reasons[place] = "traceback"
    tests = dict.fromkeys(path for r in results if (path := file_of(r.test_id, paths)))
    for path, score in _loaded(tests, paths, read_any):
        text = read(path)
        for line in _definitions(text) if text is not None else ():
            if (path, line) not in scores:
                scores[path, line] = score
                reasons[path, line] = "loaded by the test"
    ranking = sorted(scores, key=lambda place: (-scores[place], place))
    return tuple(
        SuspiciousLine(
            path=path,
            line=line,
            score=scores[path, line],
            ochiai=0.0,
            dstar=0.0,
            reasons=(reasons[path, line],),
        )
        for path, line in ranking
    )


def _in_stacks(
    results: Iterable[TestResult], read: ReadSource
) -> Iterator[tuple[tuple[str, int], float]]:
    for result in results:
        score = 1.0
        for frame in reversed(result.frames):
            if read(frame.path) is not None:
                yield (frame.path, frame.line), score
                score *= OUTER_SHARE


def _loaded(
    tests: Iterable[str], paths: Collection[str], read: ReadSource
) -> Iterator[tuple[str, float]]:
    """Files that these load, and what those load, nearest first."""
    known_paths, level, score = set(tests), list(tests), LOADED_SCORE
    for _ in range(MAX_DEPTH):
        next_level: list[str] = []
        for path in level:
            for dependency in _loads(path, read(path) or "", paths):
                if dependency not in known_paths and len(known_paths) < MAX_LOADED_FILES:
                    known_paths.add(dependency)
                    next_level.append(dependency)
                    yield dependency, score
        level, score = next_level, score / 2


def _loads(path: str, text: str, paths: Collection[str]) -> Iterator[str]:
    folder = posixpath.dirname(path)
    for name in _LOADS.findall(text):
        place = posixpath.normpath(posixpath.join(folder, name))
        # TypeScript names what it is compiled to.
        stems = (place, re.sub(r"\.([cm]?)js(x?)$", r".\1ts\2", place))
        ends = [f"{stem}{end}" for stem in stems for end in _ENDS]
        ends += [f"{place}/index{end}" for end in _ENDS[1:]]
        yield from [end for end in ends if end in paths][:1]


def _definitions(text: str) -> list[int]:
    """Lines (from 1) that begin a function or what is exported."""
    return [number for number, line in enumerate(text.split("\n"), 1) if _DEFINES.match(line)]
