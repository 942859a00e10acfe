"""Small edits of JavaScript and TypeScript, by the tokens of a line: each is one place changed.

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
from agent.source.javascript.code import masked
from agent.source.javascript.functions import function_around, javascript_functions
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
_LIKE: tuple[tuple[str, float, tuple[str, ...]], ...] = (
    ("comparison", 1.0, ("<", "<=", ">", ">=")),
    ("equality", 0.7, ("===", "!==")),
    ("equality", 0.7, ("==", "!=")),
    ("arithmetic", 0.7, ("+", "-", "*", "/", "%")),
    ("logic", 0.9, ("&&", "||", "??")),
    ("assignment", 0.7, ("+=", "-=", "*=", "=")),
    ("step", 0.6, ("++", "--")),
    ("boolean", 0.6, ("true", "false")),
    ("loop", 0.5, ("break", "continue")),
    ("method", 0.8, ("push", "unshift", "concat")),
    ("method", 0.8, ("pop", "shift")),
    ("method", 0.8, ("min", "max")),
    ("method", 0.8, ("floor", "ceil", "round", "trunc")),
    ("method", 0.8, ("some", "every")),
    ("method", 0.6, ("filter", "find", "map")),
    ("method", 0.6, ("findIndex", "findLastIndex", "indexOf", "lastIndexOf")),
    ("method", 0.6, ("slice", "splice")),
    ("method", 0.6, ("startsWith", "endsWith", "includes")),
    ("method", 0.6, ("toLowerCase", "toUpperCase")),
    ("method", 0.6, ("trim", "trimStart", "trimEnd")),
    ("method", 0.6, ("padStart", "padEnd")),
    ("method", 0.6, ("keys", "values", "entries")),
    ("method", 0.6, ("replace", "replaceAll")),
    ("method", 0.6, ("parseInt", "parseFloat", "Number")),
    ("method", 0.4, ("reduce", "reduceRight")),
)
"""Kind of edit, weight, and tokens that are taken for one another."""
_ALTERNATIVES: Mapping[str, tuple[tuple[str, float, str], ...]] = {
    token: tuple(
        (kind, weight, other)
        for kind, weight, group in _LIKE
        if token in group
        for other in group
        if other != token
    )
    for _, _, tokens in _LIKE
    for token in tokens
}
_METHODS = frozenset(word for kind, _, group in _LIKE for word in group if kind == "method") - {
    "parseInt",
    "parseFloat",
    "Number",
}
_TOKEN = re.compile(
    r"[A-Za-z_$][\w$]*|\d[\w.]*|===|!==|=>|\+\+|--|&&=?|\|\|=?|\?\?=?|\?\.|\.\.\.|[-+*/%<>=!]=?|[^\s]"
)
_NAME = re.compile(r"[A-Za-z_$][\w$]*\Z")
_CONDITION = re.compile(r"\b(?:if|while)\s*\(")
_CALL = re.compile(r"[\w$\])]\(")
_KEYWORDS = frozenset(
    (
        *("abstract", "any", "as", "async", "await", "boolean", "break", "case", "catch", "class"),
        *("const", "constructor", "continue", "debugger", "default", "delete", "do", "else"),
        *("enum", "export", "extends", "false", "finally", "for", "from", "function", "get", "if"),
        *("implements", "import", "in", "instanceof", "interface", "is", "let", "new", "null"),
        *("number", "of", "private", "protected", "public", "readonly", "return", "set", "static"),
        *("string", "super", "switch", "this", "throw", "true", "try", "type", "typeof"),
        *("undefined", "unknown", "var", "void", "while", "with", "yield"),
    )
)
_MISSING = re.compile(r"of undefined|of null|undefined is not|null is not|is not iterable")
"""Messages of what a guard would have kept from happening."""
ReadSource = Callable[[str], str | None]


@dataclass(frozen=True)
class _Source:
    """A file, its code without texts, and its functions."""

    path: str
    text: str
    code: str
    starts: tuple[int, ...]
    """Of each line, in characters."""
    functions: tuple[FunctionSpan, ...]

    @classmethod
    def of(cls, path: str, text: str) -> _Source:
        starts = [0]
        for row in text.split("\n"):
            starts.append(starts[-1] + len(row) + 1)
        return cls(path, text, masked(text), tuple(starts), javascript_functions(text))

    @property
    def is_typed(self) -> bool:
        return self.path.endswith((".ts", ".tsx", ".cts", ".mts"))

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
            for match in re.finditer(r"(?<![\w$.])[A-Za-z_$][\w$]*(?![\w$])(?!\s*:)", code)
            if match[0] not in _KEYWORDS
        )
        return [name for name, _ in counts.most_common(MAX_NAMES)]


@dataclass(frozen=True)
class _Edit:
    start: int
    end: int
    replacement: str
    kind: str
    weight: float


def javascript_frontier(
    ranking: Sequence[SuspiciousLine], read: ReadSource, message: str, failed: FailedOperators
) -> Frontier:
    """The edits of all suspicious lines, and of the functions that suspicious lines begin.

    `read` gives the text of a source file and None for anything else; `message` is what the failing
    tests say. Lines at which this fails are counted in `failed`.
    """
    paths = dict.fromkeys(line.path for line in ranking)
    sources = {path: _Source.of(path, text) for path in paths if (text := read(path)) is not None}

    def expand(line: SuspiciousLine) -> list[CandidatePatch]:
        source = sources.get(line.path)
        if source is not None:
            with failed.skipped("javascript", f"{line.path}:{line.line}"):
                return _candidates(source, line.line, message)
        return []

    return Frontier(_with_bodies(ranking, sources), expand)


def _with_bodies(
    ranking: Iterable[SuspiciousLine], sources: Mapping[str, _Source]
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


def _candidates(source: _Source, line: int, message: str) -> list[CandidatePatch]:
    best: dict[tuple[int, int, str], _Edit] = {}
    for edit in _edits(source, line, message):
        place = edit.start, edit.end, edit.replacement
        if place not in best or best[place].weight < edit.weight:
            best[place] = edit
    return [_candidate(source, line, edit) for edit in best.values()]


def _candidate(source: _Source, line: int, edit: _Edit) -> CandidatePatch:
    old = source.text[edit.start : edit.end]
    told = f"`{_short(old)}` → `{_short(edit.replacement)}`"
    if not old:
        told = f"`{_short(edit.replacement)}` added"
    elif not edit.replacement:
        told = f"`{_short(old)}` dropped"
    return CandidatePatch(
        edits=(SourceEdit(source.path, edit.start, edit.end, edit.replacement),),
        proposer="search",
        operator=f"javascript.{edit.kind}",
        description=f"{told} in {source.path}:{line}",
        score=edit.weight,
    )


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= MAX_SHOWN_CHARACTERS else f"{words[: MAX_SHOWN_CHARACTERS - 1]}…"


def _edits(source: _Source, line: int, message: str) -> Iterator[_Edit]:
    begin, end = source.span(line)
    if end - begin > MAX_LINE_CHARACTERS:
        return
    code = source.code[begin:end]
    tokens = [(match[0], begin + match.start()) for match in _TOKEN.finditer(code)]
    yield from _swaps(tokens, source)
    yield from _numbers(tokens)
    yield from _bounds(tokens)
    yield from _names(tokens, source.names_at(line))
    yield from _conditions(source, begin, end)
    yield from _arguments(source, begin, end)
    yield from _guards(tokens, 0.9 if _MISSING.search(message) else 0.2)
    yield from _statements(source, begin, end)


Tokens = Sequence[tuple[str, int]]


def _swaps(tokens: Tokens, source: _Source) -> Iterator[_Edit]:
    for index, (word, start) in enumerate(tokens):
        before = tokens[index - 1][0] if index else ""
        is_operand = bool(before) and (before in ")]" or before[-1].isalnum() or before[-1] in "_$")
        if word in ("+", "-", "*", "/", "%", "<", ">") and not is_operand:
            continue  # a sign
        if word in ("<", ">") and source.is_typed and not source.is_spaced(start):
            continue  # it holds parameters of a type
        if word == "=" and any(text in ("const", "let", "var", "=>") for text, _ in tokens):
            continue  # what defines a name
        if word in _METHODS and before not in (".", "?."):
            continue
        for kind, weight, other in _ALTERNATIVES.get(word, ()):
            yield _Edit(start, start + len(word), other, kind, weight)
    for index, (word, start) in enumerate(tokens):
        following = tokens[index + 1][1] if index + 1 < len(tokens) else None
        if word == "!" and following is not None:
            yield _Edit(start, following, "", "negation", 0.7)


def _numbers(tokens: Tokens) -> Iterator[_Edit]:
    for word, start in tokens:
        if word.isascii() and word.isdecimal() and len(word) < 10:
            value = int(word)
            for other, weight in ((value + 1, 0.8), (value - 1, 0.8), (0, 0.4), (1, 0.4)):
                if other != value and other >= 0:
                    yield _Edit(start, start + len(word), str(other), "number", weight)


def _bounds(tokens: Tokens) -> Iterator[_Edit]:
    """`x.length - 1` for `x.length`, and the other way round."""
    for index, (word, start) in enumerate(tokens):
        following = [text for text, _ in tokens[index + 1 : index + 3]]
        is_offset = len(following) == 2 and following[0] in "+-" and following[1] == "1"
        if word in ("length", "size"):
            after = start + len(word)
            if is_offset:
                yield _Edit(after, tokens[index + 2][1] + 1, "", "bound", 0.8)
            else:
                yield _Edit(after, after, " - 1", "bound", 0.6)
                yield _Edit(after, after, " + 1", "bound", 0.3)
        elif is_offset and (_NAME.match(word) or word in ")]"):
            yield _Edit(start + len(word), tokens[index + 2][1] + 1, "", "bound", 0.6)


def _names(tokens: Tokens, names: Sequence[str]) -> Iterator[_Edit]:
    """Another name of the function in the place of one; `a.x` for `a.y` is not tried."""
    for index, (word, start) in enumerate(tokens):
        before = tokens[index - 1][0] if index else ""
        after = tokens[index + 1][0] if index + 1 < len(tokens) else ""
        is_name = _NAME.match(word) and word not in _KEYWORDS and after not in (":", "=>")
        if not is_name or before in (".", "?.", "const", "let", "var", "function", "class"):
            continue
        for rank, name in enumerate(name for name in names if name != word):
            yield _Edit(start, start + len(word), name, "name", 0.4 - 0.03 * rank)


def _conditions(source: _Source, begin: int, end: int) -> Iterator[_Edit]:
    """The condition of `if` or `while` negated, or without its first or its last part."""
    for match in _CONDITION.finditer(source.code, begin, end):
        close = _closing(source.code, match.end() - 1)
        if close is None:
            continue
        inside = source.text[match.end() : close]
        yield _Edit(match.end(), close, f"!({inside})", "negation", 0.8)
        for part in re.finditer(r"\s*(?:&&|\|\|)\s*", source.code[match.end() : close]):
            first, last = match.end() + part.start(), match.end() + part.end()
            yield _Edit(match.end(), last, "", "condition", 0.4)
            yield _Edit(first, close, "", "condition", 0.4)


def _arguments(source: _Source, begin: int, end: int) -> Iterator[_Edit]:
    """Two neighbouring arguments of a call in the other order."""
    for match in islice(_CALL.finditer(source.code, begin, end), MAX_CALLS):
        opening = match.end() - 1
        close = _closing(source.code, opening)
        if close is None or close > end:
            continue
        bounds = [opening, *_commas(source.code, opening, close), close]
        for left, middle, right in zip(bounds, bounds[1:], bounds[2:], strict=False):
            one, two = source.text[left + 1 : middle], source.text[middle + 1 : right]
            if not one.strip() or not two.strip() or one.strip() == two.strip():
                continue
            swapped = f"{two.strip()}, {one.strip()}"
            start = left + 1 + len(one) - len(one.lstrip())
            yield _Edit(start, right, swapped, "arguments", 0.5)


def _guards(tokens: Tokens, weight: float) -> Iterator[_Edit]:
    """`a?.b` for `a.b`."""
    for index, (word, start) in enumerate(tokens[1:], 1):
        before = tokens[index - 1][0]
        if word == "." and (before in ")]" or (_NAME.match(before) and before != "this")):
            yield _Edit(start, start + 1, "?.", "guard", weight)


def _statements(source: _Source, begin: int, end: int) -> Iterator[_Edit]:
    """A statement of one line dropped, or what it comes to returned, or awaited."""
    code = source.code[begin:end]
    words = re.match(r"\s*([\w$]*)", code)
    first = words[1] if words else ""
    start = begin + len(code) - len(code.lstrip())
    is_whole = code.rstrip().endswith(";") and _depth(code) == 0
    if is_whole and first not in ("const", "let", "var", "return", "import", "export"):
        yield _Edit(start, begin + len(code.rstrip()), "", "statement", 0.3)
        if first not in ("throw", "break", "continue", "if", "for", "while", "else", "yield"):
            yield _Edit(start, start, "return ", "return", 0.3)
    for match in re.finditer(r"(?:=|\breturn)\s+(?=[\w$.]+\()(?!await\b)", code):
        place = begin + match.end()
        yield _Edit(place, place, "await ", "await", 0.15)
    for match in re.finditer(r"\bawait\s+", code):
        yield _Edit(begin + match.start(), begin + match.end(), "", "await", 0.1)


def _commas(code: str, opening: int, close: int) -> Iterator[int]:
    """The commas between two brackets that lie in no others."""
    depth = 0
    for place in range(opening + 1, close):
        depth += (code[place] in "([{") - (code[place] in ")]}")
        if code[place] == "," and depth == 0:
            yield place


def _closing(code: str, opening: int) -> int | None:
    """The place of the bracket that closes that at `opening`; None where it is far, or missing."""
    depth = 0
    for place in range(opening, min(len(code), opening + 2_000)):
        depth += (code[place] in "([{") - (code[place] in ")]}")
        if depth == 0:
            return place
    return None


def _depth(code: str) -> int:
    return sum((letter in "([{") - (letter in ")]}") for letter in code)
