"""Small edits of sources by the tokens of a line: each is one place changed.

Nothing here parses: an edit that makes no program fails when it is run, as any wrong one does.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from agent.proposers.search.failed_operators import FailedOperators
from agent.proposers.search.frontier import Frontier
from agent.records import CandidatePatch, SuspiciousLine
from agent.source.braces.languages import BraceLanguage
from agent.source.braces.spans import function_around
from agent.source.structure import FunctionSpan
from sandbox.source import SourceEdit

BODY_SHARE = 0.9
"""Of the score of the line that begins a function, for each line in it."""
MAX_FUNCTION_LINES = 80
MAX_LINE_CHARACTERS = 1_000
"""Longer ones are written by programs, and have no edits."""
MAX_CALLS = 10
"""Of a line, whose arguments are swapped."""
MAX_NAMES = 8
"""Names of the function that are tried in the place of another."""
MAX_SHOWN_CHARACTERS = 40
NAME = re.compile(r"[A-Za-z_$][\w$]*\Z")
_CALL = re.compile(r"[\w$\])]\(")
ReadSource = Callable[[str], str | None]
Tokens = Sequence[tuple[str, int]]
Group = tuple[str, float, tuple[str, ...]]
"""Kind of edit, weight, and tokens that are taken for one another."""


@dataclass(frozen=True)
class Edit:
    start: int
    end: int
    replacement: str
    kind: str
    weight: float


@dataclass(frozen=True, kw_only=True)
class TokenFamily:
    """The edits of one language."""

    name: str
    """With which the names of its operators begin."""
    language: BraceLanguage
    token: re.Pattern[str]
    alike: Sequence[Group]
    keywords: frozenset[str]
    """Words that are no names."""
    defining: frozenset[str]
    """Tokens of a line in which `=` gives a new name its value."""
    introducing: frozenset[str]
    """Tokens behind which stands no name of a value."""
    named_by: frozenset[str]
    """Tokens before which stands a name that something else decides."""
    further: Callable[[Source, Tokens, int, int, str], Iterator[Edit]]
    """Edits that are the language's own, between two places of its code, where the failing tests
    say this."""
    typed_ends: tuple[str, ...] = ()
    """Of files in which `<` and `>` without blanks hold parameters of a type."""

    def alternatives(self, token: str) -> Iterator[tuple[str, float, str]]:
        """Kind, weight and token of what a token may be taken for."""
        for kind, weight, group in self.alike:
            if token in group:
                yield from ((kind, weight, other) for other in group if other != token)

    def is_method(self, token: str) -> bool:
        return any(kind == "method" and token in group for kind, _, group in self.alike)


@dataclass(frozen=True)
class Source:
    """A file, its code without texts, and its functions."""

    path: str
    text: str
    code: str
    starts: tuple[int, ...]
    """Of each line, in characters."""
    functions: tuple[FunctionSpan, ...]
    family: TokenFamily

    @classmethod
    def of(cls, path: str, text: str, family: TokenFamily) -> Source:
        starts = [0]
        for row in text.split("\n"):
            starts.append(starts[-1] + len(row) + 1)
        code, functions = family.language.masked(text), family.language.functions(text)
        return cls(path, text, code, tuple(starts), functions, family)

    @property
    def is_typed(self) -> bool:
        return bool(self.family.typed_ends) and self.path.endswith(self.family.typed_ends)

    def is_spaced(self, start: int) -> bool:
        """Whether the character there stands between blanks."""
        return self.code[start - 1 : start + 2].strip() == self.code[start]

    def span(self, line: int) -> tuple[int, int]:
        """Where a line (from 1) begins and ends, without its end of line."""
        if not 0 < line < len(self.starts):
            return 0, 0
        return self.starts[line - 1], self.starts[line] - 1

    def names_at(self, line: int) -> list[str]:
        """Names that stand in the function around a line, the most frequent first."""
        function = function_around(self.functions, line)
        first, last = (function.first, function.last) if function else (line, line)
        code = self.code[self.span(first)[0] : self.span(last)[1]]
        counts = Counter(
            match[0]
            for match in re.finditer(r"(?<![\w$.])[A-Za-z_$][\w$]*(?![\w$])(?!\s*:(?!=))", code)
            if match[0] not in self.family.keywords
        )
        return [name for name, _ in counts.most_common(MAX_NAMES)]


def token_frontier(
    family: TokenFamily,
    ranking: Sequence[SuspiciousLine],
    read: ReadSource,
    message: str,
    failed: FailedOperators,
) -> Frontier:
    """The edits of all suspicious lines, and of the functions that suspicious lines begin.

    `read` gives the text of a source file and None for anything else; `message` is what the failing
    tests say. Lines at which this fails are counted in `failed`.
    """
    paths = dict.fromkeys(line.path for line in ranking)
    sources = {
        path: Source.of(path, text, family) for path in paths if (text := read(path)) is not None
    }

    def expand(line: SuspiciousLine) -> list[CandidatePatch]:
        source = sources.get(line.path)
        if source is not None:
            with failed.skipped(family.name, f"{line.path}:{line.line}"):
                return _candidates(source, line.line, message)
        return []

    return Frontier(_with_bodies(ranking, sources), expand)


def _with_bodies(
    ranking: Iterable[SuspiciousLine], sources: Mapping[str, Source]
) -> list[SuspiciousLine]:
    """The lines, and those of the functions that they begin, most suspicious first."""
    lines: dict[tuple[str, int], SuspiciousLine] = {}
    for line in ranking:
        source = sources.get(line.path)
        functions = source.functions if source else ()
        function = next((span for span in functions if span.first == line.line), None)
        last = min(function.last, line.line + MAX_FUNCTION_LINES) if function else line.line
        for number in range(line.line, last + 1):
            share = 1.0 if number == line.line else BODY_SHARE
            one = replace(line, line=number, score=line.score * share)
            place = line.path, number
            if place not in lines or lines[place].score < one.score:
                lines[place] = one
    return sorted(lines.values(), key=lambda line: (-line.score, line.path, line.line))


def _candidates(source: Source, line: int, message: str) -> list[CandidatePatch]:
    best: dict[tuple[int, int, str], Edit] = {}
    for edit in _edits(source, line, message):
        place = edit.start, edit.end, edit.replacement
        if place not in best or best[place].weight < edit.weight:
            best[place] = edit
    return [_candidate(source, line, edit) for edit in best.values()]


def _candidate(source: Source, line: int, edit: Edit) -> CandidatePatch:
    old = source.text[edit.start : edit.end]
    told = f"`{_short(old)}` → `{_short(edit.replacement)}`"
    if not old:
        told = f"`{_short(edit.replacement)}` added"
    elif not edit.replacement:
        told = f"`{_short(old)}` dropped"
    return CandidatePatch(
        edits=(SourceEdit(source.path, edit.start, edit.end, edit.replacement),),
        proposer="search",
        operator=f"{source.family.name}.{edit.kind}",
        description=f"{told} in {source.path}:{line}",
        score=edit.weight,
    )


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= MAX_SHOWN_CHARACTERS else f"{words[: MAX_SHOWN_CHARACTERS - 1]}…"


def _edits(source: Source, line: int, message: str) -> Iterator[Edit]:
    begin, end = source.span(line)
    if end - begin > MAX_LINE_CHARACTERS:
        return
    code = source.code[begin:end]
    tokens = [(match[0], begin + match.start()) for match in source.family.token.finditer(code)]
    yield from _swaps(tokens, source)
    yield from _numbers(tokens)
    yield from _names(tokens, source, line)
    yield from _arguments(source, begin, end)
    yield from source.family.further(source, tokens, begin, end, message)


def _swaps(tokens: Tokens, source: Source) -> Iterator[Edit]:
    for index, (word, start) in enumerate(tokens):
        before = tokens[index - 1][0] if index else ""
        is_operand = bool(before) and (before in ")]" or before[-1].isalnum() or before[-1] in "_$")
        if word in ("+", "-", "*", "/", "%", "<", ">") and not is_operand:
            continue  # a sign
        if word in ("<", ">") and source.is_typed and not source.is_spaced(start):
            continue  # it holds parameters of a type
        if word == "=" and any(text in source.family.defining for text, _ in tokens):
            continue  # what defines a name
        if source.family.is_method(word) and before not in (".", "?."):
            continue
        for kind, weight, other in source.family.alternatives(word):
            yield Edit(start, start + len(word), other, kind, weight)
    for index, (word, start) in enumerate(tokens):
        following = tokens[index + 1][1] if index + 1 < len(tokens) else None
        if word == "!" and following is not None:
            yield Edit(start, following, "", "negation", 0.7)


def _numbers(tokens: Tokens) -> Iterator[Edit]:
    for word, start in tokens:
        if word.isascii() and word.isdecimal() and len(word) < 10:
            value = int(word)
            for other, weight in ((value + 1, 0.8), (value - 1, 0.8), (0, 0.4), (1, 0.4)):
                if other != value and other >= 0:
                    yield Edit(start, start + len(word), str(other), "number", weight)


def _names(tokens: Tokens, source: Source, line: int) -> Iterator[Edit]:
    """Another name of the function in the place of one; `a.x` for `a.y` is not tried."""
    family, names = source.family, source.names_at(line)
    for index, (word, start) in enumerate(tokens):
        before = tokens[index - 1][0] if index else ""
        after = tokens[index + 1][0] if index + 1 < len(tokens) else ""
        is_name = NAME.match(word) and word not in family.keywords and after not in family.named_by
        if not is_name or before in family.introducing:
            continue
        for rank, name in enumerate(name for name in names if name != word):
            yield Edit(start, start + len(word), name, "name", 0.4 - 0.03 * rank)


def _arguments(source: Source, begin: int, end: int) -> Iterator[Edit]:
    """Two neighbouring arguments of a call in the other order."""
    for match in islice(_CALL.finditer(source.code, begin, end), MAX_CALLS):
        opening = match.end() - 1
        close = closing(source.code, opening)
        if close is None or close > end:
            continue
        bounds = [opening, *_commas(source.code, opening, close), close]
        for left, middle, right in zip(bounds, bounds[1:], bounds[2:], strict=False):
            one, two = source.text[left + 1 : middle], source.text[middle + 1 : right]
            if not one.strip() or not two.strip() or one.strip() == two.strip():
                continue
            swapped = f"{two.strip()}, {one.strip()}"
            start = left + 1 + len(one) - len(one.lstrip())
            yield Edit(start, right, swapped, "arguments", 0.5)


def _commas(code: str, opening: int, close: int) -> Iterator[int]:
    """The commas between two brackets that lie in no others."""
    depth = 0
    for place in range(opening + 1, close):
        depth += (code[place] in "([{") - (code[place] in ")]}")
        if code[place] == "," and depth == 0:
            yield place


def closing(code: str, opening: int) -> int | None:
    """The place of the bracket that closes that at `opening`; None where it is far, or missing."""
    depth = 0
    for place in range(opening, min(len(code), opening + 2_000)):
        depth += (code[place] in "([{") - (code[place] in ")]}")
        if depth == 0:
            return place
    return None


def depth_of(code: str) -> int:
    return sum((letter in "([{") - (letter in ")]}") for letter in code)
