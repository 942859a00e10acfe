"""Project context of an edit: the other modules, and how the tests fail."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import cached_property
from itertools import pairwise

from agent.source.module import Module, parse_source
from sandbox.syntax import AnyFunction

_WORD = re.compile(r"[A-Za-z_]\w*")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.])")
_PIECE = re.compile(r"\w+|\s+|[^\w\s]")
MIN_ALIKE = 0.4
"""Of two texts (0..1) that are held to be what was got and what was wanted."""
_QUOTED = re.compile(r"'((?:[^'\\]|\\.){1,80})'|\"((?:[^\"\\]|\\.){1,80})\"")


@dataclass(frozen=True)
class Words:
    """Names and literals of the failing tests or of the failure message."""

    names: frozenset[str] = frozenset()
    numbers: tuple[float | int, ...] = ()
    strings: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    """What tests look for in the text of an exception or a warning."""


def words_of_code(sources: Iterable[str]) -> Words:
    """Words of test sources; a source that does not parse gives its names only."""
    names: set[str] = set()
    numbers: dict[float | int, None] = {}
    strings: dict[str, None] = {}
    patterns: dict[str, None] = {}
    for source in sources:
        try:
            tree = parse_source(source)
        except SyntaxError:
            names.update(_WORD.findall(source))
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Name):
                names.add(node.id)
            elif isinstance(node, ast.Attribute):
                names.add(node.attr)
            elif isinstance(node, ast.keyword) and node.arg:
                names.add(node.arg)
                if node.arg == "match":
                    _note_pattern(node.value, patterns)
            elif isinstance(node, ast.Call):
                _note_claim(node, patterns)
            elif isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant):
                value = node.operand.value
                if isinstance(node.op, ast.USub) and isinstance(value, (int, float)):
                    numbers[-value] = None
            elif isinstance(node, ast.Constant):
                _note_literal(node.value, numbers, strings)
    return Words(frozenset(names), tuple(numbers), tuple(strings), tuple(patterns))


def _note_claim(node: ast.Call, patterns: dict[str, None]) -> None:
    """`assertRaisesRegex(error, pattern)`, under its names of all times."""
    if (
        isinstance(node.func, ast.Attribute)
        and node.func.attr.startswith("assertRaisesReg")
        and len(node.args) > 1
    ):
        _note_pattern(node.args[1], patterns)


def _note_pattern(node: ast.expr, patterns: dict[str, None]) -> None:
    """A pattern as a test writes it; one of `re.escape` is put as that puts it."""
    match node:
        case ast.Constant(value=str(text)) if len(text) <= 200:
            patterns[text] = None
        case ast.Call(func=ast.Attribute(attr="escape"), args=[ast.Constant(value=str(text))]):
            patterns[re.escape(text[:200])] = None


def _note_literal(
    value: object, numbers: dict[float | int, None], strings: dict[str, None]
) -> None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        numbers[value] = None
    elif isinstance(value, str) and len(value) <= 200:
        strings[value] = None


def words_of_message(message: str) -> Words:
    """Words of a traceback or an assertion message."""
    numbers = tuple(
        dict.fromkeys(float(n) if "." in n else int(n) for n in _NUMBER.findall(message)[:200])
    )
    strings = tuple(dict.fromkeys(a or b for a, b in _QUOTED.findall(message)[:200]))
    return Words(frozenset(_WORD.findall(message)), numbers, strings)


def _differing(first_tokens: list[str], second_tokens: list[str]) -> Iterator[tuple[str, str]]:
    """The pieces, with the words before them where something is only added or left out."""
    matcher = SequenceMatcher(None, first_tokens, second_tokens, autojunk=False)
    if matcher.ratio() < MIN_ALIKE:
        return
    for kind, start, end, first, last in matcher.get_opcodes():
        if kind == "equal":
            continue
        first_piece, second_piece = (
            "".join(first_tokens[start:end]),
            "".join(second_tokens[first:last]),
        )
        while start and first and not (first_piece.strip() and second_piece.strip()):
            start, first = start - 1, first - 1  # the same on both sides
            first_piece, second_piece = (
                first_tokens[start] + first_piece,
                second_tokens[first] + second_piece,
            )
        if first_piece.strip() and second_piece.strip():
            yield first_piece, second_piece


@dataclass(frozen=True, kw_only=True)
class ProjectContext:
    """The project around a module and the words of the failure; nothing about the fix."""

    modules: Mapping[str, Module] = field(default_factory=dict)
    """Path → parsed module: where signatures, attributes and donors may come from."""
    test: Words = Words()
    message: Words = Words()

    @classmethod
    def build(
        cls, modules: Mapping[str, Module], tests: Iterable[str] = (), message: str = ""
    ) -> ProjectContext:
        """`tests` are sources of the failing tests only, `message` their failure as text."""
        return cls(modules=modules, test=words_of_code(tests), message=words_of_message(message))

    @cached_property
    def names(self) -> frozenset[str]:
        return self.test.names | self.message.names

    @cached_property
    def strings(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.message.strings, *self.test.strings)))

    @cached_property
    def differences(self) -> tuple[tuple[str, str], ...]:
        """Pieces in which two neighbouring texts of the message differ, both ways round: what an
        assertion got and what it wanted, in either order."""
        pieces: dict[tuple[str, str], None] = {}
        for text, next_text in pairwise(self.message.strings):
            for first_piece, second_piece in _differing(
                _PIECE.findall(text), _PIECE.findall(next_text)
            ):
                pieces[first_piece, second_piece] = pieces[second_piece, first_piece] = None
        return tuple(pieces)

    @cached_property
    def numbers(self) -> tuple[float | int, ...]:
        return tuple(dict.fromkeys((*self.message.numbers, *self.test.numbers)))

    @cached_property
    def literals(self) -> frozenset[str]:
        """Texts and numbers of the tests and the message, as written without quotes."""
        return frozenset((*self.strings, *map(str, self.numbers)))

    @cached_property
    def signatures(self) -> Mapping[str, tuple[AnyFunction, ...]]:
        """Name → functions (for a class: its `__init__`) of the project with that name."""
        functions_by_name: dict[str, list[AnyFunction]] = {}
        for module in self.modules.values():
            for function in module.functions:
                functions_by_name.setdefault(function.name, []).append(function)
                owner = module.parent(function)
                if function.name == "__init__" and isinstance(owner, ast.ClassDef):
                    functions_by_name.setdefault(owner.name, []).append(function)
        return {name: tuple(functions) for name, functions in functions_by_name.items()}

    @cached_property
    def attribute_counts(self) -> Counter[str]:
        """How often each attribute name is used in the project."""
        counts: Counter[str] = Counter()
        for module in self.modules.values():
            counts.update(
                node.attr for node in ast.walk(module.tree) if isinstance(node, ast.Attribute)
            )
        return counts
