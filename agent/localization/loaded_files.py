"""Suspicious lines of a language that nothing here parses: those of the failing stacks, those that
the failing tests ran where that is recorded, then what these load, first what they name and what
that calls."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice

from agent.localization.spectrum import MAX_DSTAR, Spectrum
from agent.records import SuspiciousLine
from agent.source.braces.languages import functions_of, lines_of_tests
from agent.source.braces.spans import function_around, functions_around
from sandbox.runners.base import TestResult
from sandbox.runners.test_ids import file_of

OUTER_SHARE = 0.7
"""Of a line's score, for the line that called it."""
LOADED_SCORE = 0.2
"""Of a file that a failing test loads itself; what that loads has half of it."""
NAMED_FACTOR = 3.0
"""What is named where the test fails has so many times more on top, what the test's name or its
message holds half of that, and what such a function names itself half of what that has."""
UNNAMED_SHARE = 0.5
"""In Go and Rust, of what nothing names: a package comes with all of its files."""
RUN_SCORE = 0.6
"""Of a line that the failing tests ran and no other did; up to twice that where they name its
function."""
UNRUN_SHARE = 0.25
"""Of what is only loaded, where it is known what ran: a table, or what should have been called."""
CALL_DEPTH = 2
MAX_DEFINITIONS = 3_000
MAX_HELPERS = 300
"""Functions of one test file."""
MAX_DETAILS = 500
"""Characters of what a failure prints: where it begins it says what happened."""
MAX_BODY_LINES = 100
MAX_BODY_CHARACTERS = 8_000
"""Of a function, for the names in it."""
MAX_DEPTH = 3
"""A file that only passes on what others define is a step, too."""
MAX_LOADED_FILES = 60
_DEFINES = re.compile(
    r"^(?!\s*(?:import|//|\*|/\*))(?:export\s|.*\bfunction\b|.*=>|class\b|module\.exports|exports\.)"
)
_PASSES_ON = re.compile(r"^export\s.*\bfrom\s*[\"']|^export\s*\{")
"""A line that exports what is defined elsewhere."""
_NAME = re.compile(
    r"(?:\bfunction\b\s*\*?|\bclass\b|\b(?:const|let|var|type)\b|exports\.)\s*([\w$]+)|^\t(\w+)\s+="
)
_COMPILER = re.compile(r"^[^\S\n]*(?:vet: |--> ?)?(\S+\.(?:go|rs)):(\d{1,9})", re.MULTILINE)
"""What the compilers of Go and Rust say of a place."""
_WORD = re.compile(r"[A-Za-z_$][\w$]{2,}")
_BUILT_WHOLE = (".go", ".rs")
"""Ends of files that are compiled with all of their package."""
_RUST_DEFINES = re.compile(r"^\s*(?:pub(?:\([^)]*\))?\s+)?(?:const|static)\s+(\w+)")
_GO_DEFINES = re.compile(r"^(?:var|const|type)\s+(\w+)|^\t(\w+)\s+(?:=|\w+\s*=)")
ReadSource = Callable[[str], str | None]
Loads = Callable[[str, str, Collection[str]], Iterable[str]]
"""From a file, its text and all paths to the files of the project that it is built with."""


def lines_of_failures(
    results: Collection[TestResult],
    paths: Collection[str],
    read: ReadSource,
    read_any: ReadSource,
    loads: Loads,
    others: Collection[TestResult] = (),
    ran: Spectrum | None = None,
) -> tuple[SuspiciousLine, ...]:
    """Lines of the project's source, most suspicious first. `read` gives the text of a source file
    and None for anything else, `read_any` that of tests as well. `others` fail, too, perhaps for
    another cause: what they name counts half of that. `ran`, where that was recorded, says which
    tests ran which lines."""
    scores: dict[tuple[str, int], float] = {}
    reasons: dict[tuple[str, int], str] = {}
    for place, score in _in_stacks(results, read):
        scores[place] = max(score, scores.get(place, 0.0))
        reasons[place] = "traceback"
    tests = dict.fromkeys(path for r in results if (path := file_of(r.test_id, paths)))
    found = (
        (definition, path, score)
        for path, score in _loaded(tests, paths, read_any, loads)
        if (text := read(path)) is not None
        for definition in _definitions(path, text)
    )
    definitions = list(islice(found, MAX_DEFINITIONS))
    other_tests = [path for r in others if (path := file_of(r.test_id, paths))]
    helpers = [one for path in tests for one in _helpers(path, read_any(path) or "")]
    words = _words_of_failures(results, tests, read_any)
    for word, weight in _words_of_failures(others, other_tests, read_any).items():
        words[word] = max(weight / 2, words.get(word, 0.0))
    closeness = _closeness(
        words,
        [*helpers, *(one for one, _, _ in definitions)],
    )
    for definition, path, score in definitions:
        place = path, definition.line
        near = closeness.get(definition.name, 0.0)
        if not near and path.endswith(_BUILT_WHOLE):
            score *= UNNAMED_SHARE
        if ran is not None and ran.failed:
            score *= UNRUN_SHARE
        if place not in scores:
            scores[place] = score * (1 + NAMED_FACTOR * near)
            reasons[place] = "named by the test" if near else "loaded by the test"
    for place, score in _run_lines(ran, read, closeness) if ran is not None else ():
        if score > scores.get(place, 0.0):
            scores[place] = score
            reasons[place] = "run by the failing test"
    closed = {path: lines_of_tests(path, read(path) or "") for path in {p for p, _ in scores}}
    for place in [(p, n) for p, n in scores if any(n in lines for lines in closed[p])]:
        del scores[place]
    ranking = sorted(scores, key=lambda place: (-scores[place], place))
    return tuple(
        SuspiciousLine(
            path=path,
            line=line,
            score=scores[path, line],
            ochiai=ran.ochiai((path, line)) if ran is not None else 0.0,
            dstar=min(ran.dstar((path, line)), MAX_DSTAR) if ran is not None else 0.0,
            reasons=(reasons[path, line],),
        )
        for path, line in ranking
    )


def _run_lines(
    ran: Spectrum, read: ReadSource, closeness: Mapping[str, float]
) -> Iterator[tuple[tuple[str, int], float]]:
    """What failing tests ran; more where the failure names the function around it."""
    by_path: dict[str, list[int]] = {}
    for path, line in ran.failed:
        by_path.setdefault(path, []).append(line)
    for path, lines in by_path.items():
        if (text := read(path)) is None:
            continue
        functions = functions_of(path, text)
        last = text.count("\n") + 1
        for line, span in functions_around(functions, (n for n in lines if 1 <= n <= last)):
            near = closeness.get(span.name.rpartition(".")[2], 0.0) if span else 0.0
            yield (path, line), RUN_SCORE * ran.ochiai((path, line)) * (1 + near)


def _in_stacks(
    results: Iterable[TestResult], read: ReadSource
) -> Iterator[tuple[tuple[str, int], float]]:
    for result in results:
        score = 1.0
        for frame in reversed(result.frames):
            if read(frame.path) is not None:
                yield (frame.path, frame.line), score
                score *= OUTER_SHARE
        for path, line in _COMPILER.findall(result.details) if not result.frames else ():
            if read(path) is not None:
                yield (path, int(line)), score
                score *= OUTER_SHARE


def _loaded(
    tests: Iterable[str], paths: Collection[str], read: ReadSource, loads: Loads
) -> Iterator[tuple[str, float]]:
    """Files that these load, and what those load, nearest first; before them these themselves,
    which in Rust may be sources, too."""
    known_paths, level, score = set(tests), list(tests), LOADED_SCORE
    yield from ((path, score) for path in level)
    for _ in range(MAX_DEPTH):
        next_level: list[str] = []
        for path in level:
            for dependency in loads(path, read(path) or "", paths):
                if dependency not in known_paths and len(known_paths) < MAX_LOADED_FILES:
                    known_paths.add(dependency)
                    next_level.append(dependency)
                    yield dependency, score
        level, score = next_level, score / 2


@dataclass(frozen=True)
class _Definition:
    """Something that a file defines or exports."""

    line: int
    """From 1."""
    name: str
    """Empty where it has none."""
    words: frozenset[str]
    """Names in its body."""


def _definitions(path: str, text: str) -> Iterator[_Definition]:
    """Functions, methods, and what is exported."""
    lines = text.split("\n")
    spans = {span.first: span for span in functions_of(path, text)}
    defines = {".go": _GO_DEFINES, ".rs": _RUST_DEFINES}.get(path[-3:], _DEFINES)
    for number, line in enumerate(lines, 1):
        span = spans.get(number)
        if span is None and (not defines.match(line) or _PASSES_ON.match(line)):
            continue
        names = [part for name in _NAME.findall(line) for part in name if part]
        name = (span.name.rpartition(".")[2] if span else "") or (names[0] if names else "")
        body = lines[number - 1 : min(span.last, number + MAX_BODY_LINES)] if span else [line]
        text_of_body = "\n".join(body)[:MAX_BODY_CHARACTERS]
        yield _Definition(number, name, frozenset(_WORD.findall(text_of_body)))


def _helpers(path: str, text: str) -> Iterator[_Definition]:
    """Functions of a file with tests in Go or Rust through which its tests reach the code; in
    JavaScript most functions of a test file have no name."""
    if path.endswith(_BUILT_WHOLE):
        yield from islice(_definitions(path, text), MAX_HELPERS)


def _words_of_failures(
    results: Iterable[TestResult], tests: Collection[str], read_any: ReadSource
) -> dict[str, float]:
    """Names → how near they are to a failure: 1 in the line of a test in which it failed, a half in
    the test's name and message."""
    weights: dict[str, float] = {}

    @cache
    def rows_of(path: str) -> list[str]:
        return (read_any(path) or "").split("\n")

    def body_of(path: str, line: int) -> list[str]:
        rows = rows_of(path)
        span = function_around(functions_of(path, "\n".join(rows)), line)
        return rows[span.first - 1 : min(span.last, span.first + MAX_BODY_LINES)] if span else []

    for result in results:
        name = result.test_id.partition("::")[2]
        texts = [
            (0.5, name.removeprefix("Test").replace("_", " ")),
            (0.5, name),
            (0.5, result.message),
            (0.5, result.details[:MAX_DETAILS]),
        ]
        for frame in result.frames:
            rows = rows_of(frame.path) if frame.path in tests else []
            texts += [(1.0, row) for row in rows[frame.line - 1 : frame.line]]
            if frame.path.endswith(_BUILT_WHOLE):  # where it failed it compares what was made above
                texts += [(0.5, row) for row in body_of(frame.path, frame.line)]
        for weight, text in texts:
            for word in _WORD.findall(text):
                weights[word] = max(weight, weights.get(word, 0.0))
    return weights


def _closeness(words: Mapping[str, float], definitions: Sequence[_Definition]) -> dict[str, float]:
    """Names of definitions → how near they are: named by the failure, or by what it names."""
    names = {one.name for one in definitions if one.name}
    closeness = {name: words[name] for name in names & words.keys()}
    for _ in range(CALL_DEPTH):
        for one in definitions:
            share = closeness.get(one.name, 0.0) / 2
            for word in (one.words & names) - {one.name} if share else ():
                closeness[word] = max(share, closeness.get(word, 0.0))
    return closeness
