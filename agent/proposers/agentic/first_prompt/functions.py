"""The functions in which the fault may be, and those that the failing tests call."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache

from agent.proposers.agentic.first_prompt.excerpts import MAX_WHOLE_LINES, Excerpt, part
from agent.proposers.agentic.first_prompt.failing_tests import test_code
from agent.proposers.agentic.first_prompt.problem_facts import Place, ProblemFacts
from agent.proposers.agentic.first_prompt.values import values_told
from agent.records import SuspiciousLine
from agent.source.braces.languages import functions_of
from agent.source.braces.spans import function_around
from agent.source.structure import FunctionSpan, Structure, structure
from sandbox.syntax import parse_module

MAX_SUSPICIOUS_FUNCTIONS = 5
MAX_CALLED_FUNCTIONS = 4
MAX_SAME_NAME = 2
"""Definitions of a name that is defined more often are a guess, and left out."""
MAX_MARKED_LINES = 8
"""Of one function."""
MAX_WATCHED_LINES = 30
"""Of one function, whose values are told."""
MODULE_MARGIN_LINES = 3
MARKED_SHARE = 0.3
"""Of the highest score: a less suspicious line is not marked."""
_WORD = re.compile(r"\w+")
_PROPERTY = re.compile(r"\s*@.*property\b")
"""A decorator of the standard library or another that makes an attribute of a method."""
_TEXT_METHODS = frozenset({"__repr__", "__str__", "__format__"})
"""They run to word a failure, too."""
_ASKS_FOR_TEXT = re.compile(
    r"\b(?:repr|str|format|print|__repr__|__str__|__format__)\b|\b[rR]?[fF][rR]?[\"']|%"
)
"""In the code of a test that may be about them."""


@dataclass
class _Part:
    """A function, or statements of a module or class, with its suspicious lines."""

    path: str
    first: int
    last: int
    name: str
    marked: list[int] = field(default_factory=list)
    watched: list[int] = field(default_factory=list)
    """Lines that the failing tests ran."""


def suspicious_functions(known: ProblemFacts) -> list[str]:
    """The most suspicious functions as numbered code, `>` at suspicious lines, with values."""
    parts = _suspicious_parts(known)
    return [_shown(function, known) for function in parts]


def called_functions(known: ProblemFacts, test_code: Iterable[str]) -> list[str]:
    """Functions of the project that the tests' own code calls, and properties that it reads, that
    are not shown yet."""
    code = tuple(test_code)
    shown_keys = {(function.path, function.first) for function in _suspicious_parts(known)}
    parts = [*_defined(_called_names(code), known), *_properties(_read_names(code), known)]
    new_parts = [part for part in parts if (part.path, part.first) not in shown_keys]
    return [_shown(function, known) for function in new_parts[:MAX_CALLED_FUNCTIONS]]


def _defined(names: Iterable[str], known: ProblemFacts) -> list[_Part]:
    """The functions of these names, in their order."""
    parts_by_name: dict[str, list[_Part]] = {name: [] for name in names}
    for path in dict.fromkeys(line.path for line in known.suspicious):
        for span in _structure(known, path).functions:
            if span.name in parts_by_name:
                parts_by_name[span.name].append(_Part(path, span.first, span.last, span.name))
    return [
        function
        for definitions in parts_by_name.values()
        if len(definitions) <= MAX_SAME_NAME
        for function in definitions
    ]


def _properties(names: Collection[str], known: ProblemFacts) -> list[_Part]:
    """The properties of these names that the failing tests ran, the most suspicious first."""
    parts: dict[tuple[str, int], _Part] = {}
    for line in known.suspicious:
        found = _structure(known, line.path)
        span = found.function_at(line.line)
        if span is None or span.name not in names or not _ran(line) or _is_head(known, line, span):
            continue
        top = _top(found, span)
        decorators = _lines(known, line.path)[top - 1 : span.first - 1]
        if any(_PROPERTY.match(decorator) for decorator in decorators):
            parts.setdefault((line.path, top), _Part(line.path, top, span.last, span.name))
    return list(parts.values())


def _suspicious_parts(known: ProblemFacts) -> list[_Part]:
    parts: dict[tuple[str, int], _Part] = {}
    best = max((line.score for line in known.suspicious), default=0.0)
    for line in _telling_first(known):
        new_part = _part(line.path, line.line, known)
        key = (new_part.path, new_part.first)
        if key not in parts and len(parts) == MAX_SUSPICIOUS_FUNCTIONS:
            continue
        line_part = parts.setdefault(key, new_part)
        is_telling = line.score >= MARKED_SHARE * best and _ran(line)
        if len(line_part.marked) < MAX_MARKED_LINES and (is_telling or not line_part.marked):
            line_part.marked.append(line.line)
        if len(line_part.watched) < MAX_WATCHED_LINES and _ran(line):
            line_part.watched.append(line.line)
    return list(parts.values())


def _part(path: str, line: int, known: ProblemFacts) -> _Part:
    if known.language == "Python":
        return _part_of(path, line, _structure(known, path))
    span = function_around(_functions(path, known.source_text(path) or ""), line)
    if span is None:
        return _Part(path, line - MODULE_MARGIN_LINES, line + MODULE_MARGIN_LINES, "")
    return _Part(path, span.first, span.last, span.name or "a function")


@lru_cache(maxsize=64)
def _functions(path: str, text: str) -> tuple[FunctionSpan, ...]:
    return functions_of(path, text)


def _ran(line: SuspiciousLine) -> bool:
    return line.reasons != ("same function",)


def _for_text(
    known: ProblemFacts, entered: Collection[tuple[str, FunctionSpan]]
) -> set[tuple[str, FunctionSpan]]:
    """Of the functions that ran, those that word a failure, and those that only such ones name."""
    words = {
        (path, span): set(_WORD.findall("\n".join(_lines(known, path)[span.first - 1 : span.last])))
        for path, span in entered
    }
    test_words = set(_WORD.findall("\n".join(test_code(known))))
    texts = {function for function in entered if function[1].name in _TEXT_METHODS}
    while texts:
        more = {
            function
            for function in set(entered) - texts
            if function[1].name not in test_words
            and _named_by(function, words)
            and _named_by(function, words) <= texts
        }
        if not more:
            break
        texts |= more
    return texts


def _named_by(
    function: tuple[str, FunctionSpan], words: Mapping[tuple[str, FunctionSpan], set[str]]
) -> set[tuple[str, FunctionSpan]]:
    return {
        caller for caller, used in words.items() if caller != function and function[1].name in used
    }


def _lines(known: ProblemFacts, path: str) -> list[str]:
    return (known.source_text(path) or "").split("\n")


def _telling_first(known: ProblemFacts) -> list[SuspiciousLine]:
    """The suspicious lines in their order, without functions that were only defined, and behind
    the others those of methods that may have run to word the failure alone."""
    lines = [line for line in known.suspicious if known.source_text(line.path) is not None]
    if known.language != "Python":
        return lines
    spans = [_structure(known, line.path).function_at(line.line) for line in lines]
    entered_functions = {
        (line.path, span)
        for line, span in zip(lines, spans, strict=True)
        if span and _ran(line) and ("traceback" in line.reasons or not _is_head(known, line, span))
    }
    pairs = [
        (line, span)
        for line, span in zip(lines, spans, strict=True)
        if span is None or (line.path, span) in entered_functions
    ]
    if any(_ASKS_FOR_TEXT.search(code) for code in test_code(known)):
        return [line for line, _ in pairs]
    texts = _for_text(known, entered_functions)
    traced_functions = {(line.path, span) for line, span in pairs if "traceback" in line.reasons}
    pairs.sort(
        key=lambda pair: (
            pair[1] is not None
            and (pair[0].path, pair[1]) in texts
            and (pair[0].path, pair[1]) not in traced_functions
        )
    )
    return [line for line, _ in pairs]


def _is_head(known: ProblemFacts, line: SuspiciousLine, span: FunctionSpan) -> bool:
    """Whether it is the `def` itself, which runs where the module is imported."""
    statement = _structure(known, line.path).statement_of.get(line.line, line.line)
    return statement == span.first


def _part_of(path: str, line: int, found: Structure) -> _Part:
    span = found.function_at(line)
    if span is None:
        last = found.last_of.get(line, line)
        return _Part(path, line - MODULE_MARGIN_LINES, last + MODULE_MARGIN_LINES, "")
    return _Part(path, _top(found, span), span.last, span.name)


def _qualified(one: _Part, text: str) -> str:
    """The function's name with those of the classes and functions around it."""
    names, node = list[str](), ast.AST()
    if not one.path.endswith(".py"):
        return one.name
    try:
        node = parse_module(text)
    except (SyntaxError, ValueError, RecursionError):
        return one.name
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for inner in ast.walk(node):  # outer ones come first
        if isinstance(inner, kinds) and inner.lineno <= one.last <= (inner.end_lineno or 0):
            names.append(inner.name)
    return ".".join(names) if names[-1:] == [one.name] else one.name


def _top(found: Structure, span: FunctionSpan) -> int:
    """The first line of a function with its decorators."""
    tops = [line for line, first in found.statement_of.items() if first == span.first]
    return min([span.first, *tops])


def _shown(one: _Part, known: ProblemFacts) -> str:
    text = known.source_text(one.path) or ""
    lines = text.split("\n")
    excerpt = Excerpt(
        lines=part(lines, one.first, one.last, one.marked or _lines_run(one, known)),
        marked=frozenset(one.marked),
        notes=values_told(known, one.path, one.watched, lines),
    )
    where = (
        f"{one.path}, `{_qualified(one, text)}`"
        if one.name
        else f"{one.path}, outside of functions"
    )
    return f"{where}:\n{excerpt.text}"


def _lines_run(one: _Part, known: ProblemFacts) -> Sequence[int]:
    """Lines of a function that the failing tests ran; its first ones where none is known."""
    ran = [
        line.line
        for line in known.suspicious
        if line.path == one.path and one.first <= line.line <= one.last and _ran(line)
    ]
    return sorted(ran) or range(one.first, one.first + MAX_WHOLE_LINES)


def _called_names(test_code: Iterable[str]) -> list[str]:
    calls = (node for node in _nodes(test_code) if isinstance(node, ast.Call))
    return list(dict.fromkeys(name for call in calls for name in _called_name(call.func)))


def _read_names(test_code: Iterable[str]) -> frozenset[str]:
    """The attributes that the code reads."""
    return frozenset(node.attr for node in _nodes(test_code) if isinstance(node, ast.Attribute))


def _nodes(test_code: Iterable[str]) -> Iterator[ast.AST]:
    for code in test_code:
        with suppress(SyntaxError, ValueError, RecursionError):
            yield from ast.walk(parse_module(code))


def _called_name(called: ast.expr) -> Iterator[str]:
    if isinstance(called, ast.Name):
        yield called.id
    elif isinstance(called, ast.Attribute):
        yield called.attr


def _structure(known: ProblemFacts, path: str) -> Structure:
    return _structure_of(known.source_text(path) or "")


@lru_cache(maxsize=64)
def _structure_of(text: str) -> Structure:
    """Asked for once a suspicious line: parsed once."""
    try:
        return structure(text)
    except (SyntaxError, ValueError, RecursionError):
        return Structure()


def watched_places(known: ProblemFacts) -> list[Place]:
    """Places whose values are worth looking at: lines of the functions shown that ran."""
    return [(piece.path, line) for piece in _suspicious_parts(known) for line in piece.watched]
