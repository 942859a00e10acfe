"""Candidates for a file that does not parse: small edits near the place the parser names.

Nothing is known about such a file but its characters, so the edits are made on words and
signs: what was forgotten, doubled, misspelt or shifted. Only what parses is a candidate.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from agent.proposers.search.equivalence import Meaning, compiled
from agent.records import CandidatePatch
from agent.source.syntax_faults import Fault, fault_of
from sandbox.source import SourceEdit

MAX_SYNTAX_CANDIDATES = 60
MAX_PARSED_CHARACTERS = 6_000_000
"""Parsed per file to find them; about five seconds."""
MAX_LINE_TOKENS = 100
"""Of one line, the nearest to the fault."""
MAX_SECOND_EDITS = 12
"""First edits that only move the error further down and are gone on from, for a second one."""
_TOKEN = re.compile(r"\w+|[^\w\s]|[ \t]+")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
_HEADER = re.compile(
    r"\s*(?:async\s+)?(?:def|class|if|elif|else|for|while|try|except|finally|with|match|case)\b"
)
_OPENING, _CLOSING = "([{", ")]}"
_FORGOTTEN_SIGNS = (":", ",", *_CLOSING, *_OPENING, '"', "'", "=", ".", "+", " ")
_FORGOTTEN_WORDS = ("in", "def", "if", "else", "import", "from", "as", "not", "and", "or", "is")
_REPLACED = {
    "=": ("==", ":", ":="),
    "==": ("=",),
    ":=": ("=",),
    ":": ("=", ","),
    ",": (".", " as "),
    ".": (",",),
    ";": (":", ","),
    "=>": (">=",),
    "=<": ("<=",),
    "<>": ("!=",),
    "&&": ("and",),
    "||": ("or",),
    "!": ("not ", "!="),
    "++": ("+= 1",),
    "--": ("-= 1",),
    "else if": ("elif",),
    "elseif": ("elif",),
    "elsif": ("elif",),
    "null": ("None",),
    "true": ("True",),
    "false": ("False",),
    '"': ("'", '"""'),
    "'": ('"', "'''"),
    **{sign: tuple(set(_OPENING) - {sign}) for sign in _OPENING},
    **{sign: tuple(set(_CLOSING) - {sign}) for sign in _CLOSING},
}
_TYPOGRAPHIC = str.maketrans(
    {
        **dict.fromkeys("\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}", '"'),
        **dict.fromkeys("\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}", "'"),
        **dict.fromkeys("\N{EN DASH}\N{EM DASH}\N{MINUS SIGN}", "-"),
        **dict.fromkeys("\N{NO-BREAK SPACE}\N{IDEOGRAPHIC SPACE}", " "),
        **dict.fromkeys("\N{ZERO WIDTH SPACE}\N{ZERO WIDTH NO-BREAK SPACE}"),
    }
)
"""What a word processor makes of a program."""
_CONFLICT = re.compile(
    r"^<{7}[^\n]*\n(.*?)(?:^\|{7}[^\n]*\n.*?)?^={7}[ \t\r]*\n(.*?)^>{7}[^\n]*(?:\n|\Z)",
    re.M | re.S,
)


@dataclass(frozen=True)
class SyntaxEdit:
    """An edit of a file with a syntax error, before it is parsed."""

    start: int
    end: int
    replacement: str
    rule: str
    weight: float

    def words(self, text: str) -> str:
        """The edit of `text` for people."""
        old_words = " ".join(text[self.start : self.end].split())
        new_words = " ".join(self.replacement.split())
        if self.rule == "syntax.conflict":
            return "keep one side of the merge conflict"
        if old_words == new_words:
            return "another indentation"
        if not old_words:
            return f"insert `{new_words[:60]}`"
        return (
            f"`{old_words[:60]}` → `{new_words[:60]}`"
            if new_words
            else f"remove `{old_words[:60]}`"
        )


def syntax_candidates(path: str, text: str) -> list[CandidatePatch]:
    """Single edits after which the file parses, likeliest first; where there is none, pairs of
    them. Empty for a file that parses already."""
    fault = fault_of(text)
    if fault is None:
        return []
    search = _Search(path, text)
    repairs = search.single(text, fault)
    if not repairs:
        repairs = search.double()
    best = sorted(repairs, key=lambda candidate: -candidate.score)
    return best[:MAX_SYNTAX_CANDIDATES]


class _Search:
    """Tries drafts on one file within the number of characters that may be parsed."""

    def __init__(self, path: str, text: str) -> None:
        self._path = path
        self._base = text
        self._left = MAX_PARSED_CHARACTERS
        self._seen: set[Meaning] = set()
        self._further: list[tuple[float, tuple[int, int], str, str]] = []
        """Drafts that mended only the first error: weight, place of the next one, text, words."""

    def single(
        self, text: str, fault: Fault, factor: float = 1.0, first: str = ""
    ) -> list[CandidatePatch]:
        """Drafts after which everything parses; `first` says what was changed before."""
        repairs: list[CandidatePatch] = []
        furthest_position = max((fault.line, fault.column), (fault.other_line, 0))
        for draft in _distinct(drafts(text, fault)):
            self._left -= len(text)
            if self._left < 0:
                break
            new_text = text[: draft.start] + draft.replacement + text[draft.end :]
            next_fault = fault_of(new_text)
            if next_fault is None:
                words = f"{first}{draft.words(text)}"
                repairs += self._candidate(new_text, draft, factor, words)
            elif (next_fault.line, next_fault.column) > furthest_position and not first:
                position = (next_fault.line, next_fault.column)
                self._further.append((draft.weight, position, new_text, f"{draft.words(text)}; "))
        return repairs

    def double(self) -> list[CandidatePatch]:
        """A second edit after the first ones that let the parser come furthest."""
        self._left = MAX_PARSED_CHARACTERS
        repairs: list[CandidatePatch] = []
        for weight, _, text, words in sorted(self._further, reverse=True)[:MAX_SECOND_EDITS]:
            fault = fault_of(text)
            if fault is not None:
                repairs += self.single(text, fault, 0.5 * weight, words)
        return repairs

    def _candidate(
        self, edited: str, draft: SyntaxEdit, factor: float, words: str
    ) -> Iterator[CandidatePatch]:
        meaning = compiled(edited, strict=False)
        if meaning is None or meaning in self._seen:
            return
        self._seen.add(meaning)
        # `print "x"` joined into a call of a string and the like compile with a warning.
        doubt = 1.0 if compiled(edited) is not None else 0.3
        edit = _difference(self._path, self._base, edited)
        line = self._base.count("\n", 0, edit.start) + 1
        yield CandidatePatch(
            edits=(edit,),
            proposer="search",
            operator=draft.rule,
            description=f"{words} in {self._path}:{line}",
            score=draft.weight * factor * doubt,
        )


def _difference(path: str, old: str, new: str) -> SourceEdit:
    """The least single edit that makes one text of the other."""
    start = 0
    shorter = min(len(old), len(new))
    while start < shorter and old[start] == new[start]:
        start += 1
    end = 0
    while end < shorter - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return SourceEdit(path, start, len(old) - end, new[start : len(new) - end])


def _distinct(drafts_found: Iterable[SyntaxEdit]) -> list[SyntaxEdit]:
    """The heaviest of equal drafts, heaviest first."""
    best: dict[tuple[int, int, str], SyntaxEdit] = {}
    for draft in drafts_found:
        key = (draft.start, draft.end, draft.replacement)
        if key not in best or best[key].weight < draft.weight:
            best[key] = draft
    return sorted(best.values(), key=lambda draft: -draft.weight)


# Drafts


@dataclass(frozen=True)
class _Row:
    """A line of the text."""

    start: int
    text: str
    """With its line ending."""

    @property
    def body(self) -> str:
        return self.text.rstrip("\r\n")

    @property
    def code_end(self) -> int:
        """Offset in the line after its last sign that is not a comment (as far as one can say)."""
        bare = re.sub(r"(?:^|\s)#[^'\"]*$", "", self.body)
        return len(bare.rstrip())

    @property
    def indent(self) -> str:
        return self.body[: len(self.body) - len(self.body.lstrip(" \t\f"))]


def drafts(text: str, fault: Fault) -> Iterator[SyntaxEdit]:
    """Every edit worth parsing, near the fault."""
    rows = [_Row(match.start(), match[0]) for match in _LINE.finditer(text)]
    if not rows:
        return
    yield from _conflicts(text)
    at = min(max(fault.line, 1), len(rows)) - 1
    second_row = min(max(fault.other_line, 1), len(rows)) - 1
    previous = next((n for n in range(at - 1, -1, -1) if rows[n].body.strip()), at)
    nearness_by_row = {at: 1.0, previous: 0.6, second_row: 0.6} | (
        {at + 1: 0.2} if at + 1 < len(rows) else {}
    )
    nearness_by_row[at] = 1.0
    for number, nearness in nearness_by_row.items():
        column = fault.column if number == at else None
        yield from _in_line(rows[number], column, nearness, fault.message)
        yield from _indentation(rows, number, nearness, fault)


def _conflicts(text: str) -> Iterator[SyntaxEdit]:
    """A merge that was committed half done: one side or the other, everywhere."""
    if _CONFLICT.search(text):
        for side in (1, 2):
            new_text = _CONFLICT.sub(lambda match, side=side: match[side], text)  # type: ignore[misc]
            yield SyntaxEdit(0, len(text), new_text, "syntax.conflict", 1.0)


def _in_line(row: _Row, column: int | None, nearness: float, message: str) -> Iterator[SyntaxEdit]:
    end = row.code_end
    if end == 0:
        return
    if _HEADER.match(row.body):
        yield SyntaxEdit(row.start + end, row.start + end, ":", "syntax.colon", nearness)
    if (ascii_text := row.text.translate(_TYPOGRAPHIC)) != row.text:
        yield SyntaxEdit(row.start, row.start + len(row.text), ascii_text, "syntax.sign", nearness)
    if (statement := re.match(r"(\s*print)\s+(?!\()", row.body)) is not None:
        call = f"({row.body[statement.end() : end]})"
        yield SyntaxEdit(
            row.start + statement.end(1), row.start + end, call, "syntax.print", nearness
        )
    position = end if column is None else column
    tokens = sorted(
        _TOKEN.finditer(row.body, 0, end), key=lambda token: abs(token.start() - position)
    )
    for match in tokens[:MAX_LINE_TOKENS]:
        close = _closeness(match.start(), match.end(), column, end) * nearness
        yield from _at_token(row, match, close, message)
    close = _closeness(end, end, column, end) * nearness
    yield from _insertions(row.start + end, close)
    ending = row.start + len(row.text)
    yield SyntaxEdit(row.start, ending, "", "syntax.line", 0.02 * nearness)


def _closeness(start: int, end: int, column: int | None, length: int) -> float:
    """1 at the place the parser names and at the end of the line, less between."""
    distance = 0 if column is None else min(abs(start - column), abs(end - column))
    return max(1.0 / (1 + 0.1 * distance), 0.8 if end >= length else 0.1)


def _at_token(row: _Row, match: re.Match[str], close: float, message: str) -> Iterator[SyntaxEdit]:
    start, end, word = row.start + match.start(), row.start + match.end(), match[0]
    if not word.isspace():
        yield from _insertions(start, close)
    for old, replacements in _REPLACED.items():
        if row.body.startswith(old, match.start()) and (not old.isalpha() or old == word):
            stop = start + len(old)
            for new in replacements:
                weight = 0.9 if f"'{new}'" in message else 0.3
                yield SyntaxEdit(start, stop, new, "syntax.sign", weight * close)
    if word.isspace():
        return
    yield SyntaxEdit(start, end, "", "syntax.stray", 0.25 * close)
    if word.isalpha():
        for keyword_match in get_close_matches(word, keyword.kwlist, n=2, cutoff=0.6):
            if keyword_match != word:
                yield SyntaxEdit(start, end, keyword_match, "syntax.keyword", 0.8 * close)


def _insertions(offset: int, close: float) -> Iterator[SyntaxEdit]:
    for sign in _FORGOTTEN_SIGNS:
        weight = 0.5 if sign in ":,)]}" else 0.25 if sign in "\"'([{" else 0.1
        yield SyntaxEdit(offset, offset, sign, "syntax.forgotten", weight * close)
    for word in _FORGOTTEN_WORDS:
        yield SyntaxEdit(offset, offset, f"{word} ", "syntax.forgotten", 0.05 * close)


def _indentation(
    rows: list[_Row], number: int, nearness: float, fault: Fault
) -> Iterator[SyntaxEdit]:
    """The line, or it and the block it begins, with the indentation of another line nearby."""
    row = rows[number]
    about = 1.0 if "indent" in fault.message or "outside" in fault.message else 0.2
    unit = _unit(rows)
    shares = {row.indent + unit: 0.8}
    for earlier_row in reversed(rows[max(0, number - 30) : number]):
        if earlier_row.body.strip():
            shares.setdefault(earlier_row.indent, 0.9 if len(shares) == 1 else 0.5)
    shares.pop(row.indent, None)
    for indent, share in shares.items():
        weight = share * about * nearness
        stop = row.start + len(row.indent)
        yield SyntaxEdit(row.start, stop, indent, "syntax.indentation", weight)
        yield from _block(rows, number, indent, weight)
    if "expected an indented block" in fault.message:
        earlier_row = rows[min(max(fault.other_line, 1), len(rows)) - 1]
        ending = earlier_row.text[len(earlier_row.body) :] or "\n"
        filler = f"{earlier_row.indent}{unit}pass{ending}"
        yield SyntaxEdit(row.start, row.start, filler, "syntax.pass", 0.3 * nearness)


def _block(rows: list[_Row], number: int, indent: str, weight: float) -> Iterator[SyntaxEdit]:
    """Shift the lines that follow with the same or a deeper indentation, too."""
    row = rows[number]
    block = [row]
    for next_row in rows[number + 1 :]:
        if next_row.body.strip() and not next_row.indent.startswith(row.indent):
            break
        block.append(next_row)
    if len(block) > 1:
        shifted_text = "".join(
            indent + block_row.text[len(row.indent) :] if block_row.body.strip() else block_row.text
            for block_row in block
        )
        end = block[-1].start + len(block[-1].text)
        yield SyntaxEdit(row.start, end, shifted_text, "syntax.indentation", 0.9 * weight)


def _unit(rows: list[_Row]) -> str:
    """The least indentation in use."""
    indents = [row.indent for row in rows if row.indent and row.body.strip()]
    return min(indents, key=len, default="    ")
