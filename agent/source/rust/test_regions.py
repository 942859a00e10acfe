"""Tests inside of a Rust source: what is built for tests alone, and the functions that are tests.

No parser is at hand. What is misread as a test is closed to patches, and no more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from agent.source.rust.code import masked

MAX_ITEM_CHARACTERS = 1_000_000
_ATTRIBUTE = re.compile(r"#(?P<inner>!)?\s*\[")
_FOLLOWING = re.compile(r"\s*#\s*\[")
_TEST = re.compile(
    r"(?:\w+\s*::\s*)*(?:test|bench|rstest|test_case|quickcheck|proptest|wasm_bindgen_test|fixture"
    r"|should_panic|ignore)\s*(?:[(=].*)?",
    re.DOTALL,
)
_FOR_TESTS = re.compile(r"cfg\s*\(.*\btest\b.*", re.DOTALL)
_SOMETIMES = re.compile(r"cfg_attr\s*\(.*\btest\b.*", re.DOTALL)
_MACRO = re.compile(r"\bmacro_rules\s*!\s*(\w+)\s*([({\[])")
_MAKES_TESTS = re.compile(r"#\s*\[\s*(?:\w+\s*::\s*)*(?:test|rstest|test_case)\s*\]")
_OTHER_TESTS = ("proptest", "quickcheck")
"""Macros that make tests, wherever they come from."""
_BRACKETS = re.compile(r"[()\[\]{};]")


@dataclass(frozen=True)
class TestRegion:
    """A piece of a source that is the tests'."""

    __test__ = False

    start: int
    end: int
    """In characters."""
    text: str

    def holds(self, place: int) -> bool:
        return self.start <= place < self.end


def regions_of_tests(text: str) -> tuple[TestRegion, ...]:
    """The regions in the order in which they begin; none lies in another."""
    code = masked(text)
    spans = sorted((*_items(code), *_calls(code)), key=lambda span: (span[0], -span[1]))
    regions: list[TestRegion] = []
    for start, end in spans:
        if not regions or start >= regions[-1].end:
            regions.append(TestRegion(start, end, text[start:end]))
    return tuple(regions)


def _items(code: str) -> Iterator[tuple[int, int]]:
    """What belongs to an attribute of tests, with all attributes around that."""
    first: int | None = None
    position, is_test = 0, False
    while (match := _ATTRIBUTE.search(code, position)) is not None:
        close = _closing(code, match.end() - 1)
        inside = code[match.end() : close].strip()
        if match["inner"]:
            if _FOR_TESTS.fullmatch(inside):
                yield 0, len(code)
            position = close + 1
            continue
        first = match.start() if first is None else first
        is_test = is_test or bool(_TEST.fullmatch(inside) or _FOR_TESTS.fullmatch(inside))
        if _SOMETIMES.fullmatch(inside):
            yield match.start(), close + 1
        position = close + 1
        if _FOLLOWING.match(code, position):
            continue
        if is_test:
            position = _end_of_item(code, position)
            yield first, position
        first, is_test = None, False


def _calls(code: str) -> Iterator[tuple[int, int]]:
    """Macros that make tests, and where they are used."""
    names = list(_OTHER_TESTS)
    for match in _MACRO.finditer(code):
        end = _closing(code, match.end() - 1) + 1
        if _MAKES_TESTS.search(code, match.end(), end):
            names.append(match[1])
            yield match.start(), end
    used = re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\s*!\s*[({{\[]")
    for match in used.finditer(code):
        yield match.start(), _closing(code, match.end() - 1) + 1


def _end_of_item(code: str, start: int) -> int:
    """Behind the `;` or the braces with which an item ends."""
    depth = 0
    for match in _BRACKETS.finditer(code, start, start + MAX_ITEM_CHARACTERS):
        depth += (match[0] in "([{") - (match[0] in ")]}")
        if depth < 0:
            return match.start()
        if depth == 0 and match[0] in ";}":
            return match.end()
    return len(code)


def _closing(code: str, opening: int) -> int:
    """The place of the bracket that closes that at `opening`; the end where it is missing."""
    depth = 0
    for match in _BRACKETS.finditer(code, opening, opening + MAX_ITEM_CHARACTERS):
        depth += (match[0] in "([{") - (match[0] in ")]}")
        if depth == 0:
            return match.start()
    return len(code)
