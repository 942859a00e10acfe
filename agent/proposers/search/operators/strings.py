"""String literals: those of the test and the module, pieces added or dropped, patterns."""

from __future__ import annotations

import ast
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher
from functools import lru_cache

from agent.proposers.search.ingredients.site import DraftEdit, Site
from agent.proposers.search.operators.names import likeness
from agent.source.module import Module

_LITERAL = re.compile(r"""(?s)\A([rRbBuUfF]*)('''|\"\"\"|'|\")(.*)\2\Z""")
_MAX_TEXTS = 8
_MAX_DIFFERENCES = 20
_MIN_LOOKED_FOR, _MAX_LOOKED_FOR = 6, 80
"""Characters of a text that may be looked for in another."""
_MIN_LIKENESS = 0.85


@lru_cache(maxsize=128)
def strings_of(module: Module) -> Counter[str]:
    """Short string literals of a module; docstrings are too long to be among them."""
    return Counter(
        node.value
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) <= 30
    )


def propose(site: Site) -> Iterator[DraftEdit]:
    node = site.node
    if not isinstance(node, ast.Constant) or not isinstance(node.value, (str, bytes)):
        return
    parent = site.module.parent(node)
    if isinstance(parent, (ast.JoinedStr, ast.Expr)):
        return
    parts = _LITERAL.match(site.source(node))
    if parts is None or "\n" in parts[3]:
        return
    if isinstance(node.value, str):
        yield from _others(site, node, node.value, parts)
        yield from _mended(site, node, node.value, parts)
        yield from _found(site, node, node.value, parts)
    yield from _pieces(site, node, parts)
    if _is_pattern(site, node, parts):
        yield from _pattern(site, node, parts)


def _quoted(parts: re.Match[str], value: str) -> str:
    """A value as a literal with the quotes of another."""
    body = repr(value)[1:-1]
    quote = parts[2][0]
    if quote == '"' and repr(value)[0] == "'":
        body = body.replace("\\'", "'").replace('"', '\\"')
    elif quote != repr(value)[0]:
        return repr(value)
    return f"{quote}{body}{quote}"


def _others(
    site: Site, node: ast.Constant, value: str, parts: re.Match[str]
) -> Iterator[DraftEdit]:
    weights: dict[str, float] = {}
    for rank, text in enumerate(site.context.strings[:60]):
        text_likeness = likeness(value[:60], text[:60])
        if text_likeness > 0.3 and len(text) <= 3 * len(value) + 10:
            weights[text] = 2 * text_likeness / (1 + 0.02 * rank)
    if len(value) <= 30:
        for text, _ in strings_of(site.module).most_common(200):
            text_likeness = likeness(value, text)
            if text_likeness > 0.4:
                weights.setdefault(text, text_likeness)
    for text, weight in (("", 0.4), (" ", 0.2), (value.lower(), 0.3), (value.upper(), 0.2)):
        weights.setdefault(text, weight)
    for text in (value.strip(), f"{value} ", f" {value}", f"{value}\n"):
        weights.setdefault(text, 0.2)
    weights.pop(value, None)
    weighted_texts = sorted(weights.items(), key=lambda pair: -pair[1])[:_MAX_TEXTS]
    for text, weight in weighted_texts:
        yield site.replace(node, _quoted(parts, text), "string.other", weight=weight, names=(text,))


def _found(site: Site, node: ast.Constant, value: str, parts: re.Match[str]) -> Iterator[DraftEdit]:
    """A text that is looked for, as it stands in a longer one of the failing tests."""
    if not _MIN_LOOKED_FOR <= len(value) <= _MAX_LOOKED_FOR:
        return
    for text in site.context.strings[:_MAX_DIFFERENCES]:
        if len(text) <= len(value) or value in text:
            continue
        matcher = SequenceMatcher(None, value, text, autojunk=False)
        match = matcher.find_longest_match()
        start = max(0, match.b - match.a)
        near = text[start : start + len(value)]
        if match.size >= len(value) // 2 and likeness(value, near) >= _MIN_LIKENESS:
            yield site.replace(node, _quoted(parts, near), "string.mend", names=(near,))


def _mended(
    site: Site, node: ast.Constant, value: str, parts: re.Match[str]
) -> Iterator[DraftEdit]:
    """A piece of the text as the failing assertion would have it: a template is mended too."""
    for actual, expected_text in site.context.differences[:_MAX_DIFFERENCES]:
        if actual in value:
            new = value.replace(actual, expected_text, 1)
            text = _quoted(parts, new)
            yield site.replace(
                node, text, "string.mend", weight=len(actual), names=(expected_text,)
            )


def _pieces(site: Site, node: ast.Constant, parts: re.Match[str]) -> Iterator[DraftEdit]:
    """One character dropped from a short literal."""
    prefix, quote, body = parts[1], parts[2], parts[3]
    if not 1 < len(body) <= 8 or "\\" in body:
        return
    for index in range(len(body)):
        text = f"{prefix}{quote}{body[:index]}{body[index + 1 :]}{quote}"
        yield site.replace(
            node, text, "string.drop", weight=1.0 if index in (0, len(body) - 1) else 0.4
        )


def _is_pattern(site: Site, node: ast.Constant, parts: re.Match[str]) -> bool:
    ancestor = next(
        (a for a in site.module.ancestors(node) if isinstance(a, (ast.Call, ast.stmt))), None
    )
    if isinstance(ancestor, ast.Call):
        text = site.source(ancestor.func)
        if text.startswith("re.") or "regex" in text.lower():
            return True
    return "r" in parts[1].lower() and bool(re.search(r"[\\\[\](){}*+?^$|]", parts[3]))


_ATOM = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?[:=!<P][^)]{0,2}|[()|^$]|\{\d*,?\d*\}|[*+?]|."
)
_QUANTIFIERS = ("*", "+", "?")
_CLASSES = {
    r"\s": (" ", r"\S", r"\b"), " ": (r"\s", r"\s*", r"\s+", " *"), r"\w": (r"\S", r"[\w-]", r"\d"),
    r"\d": (r"\w", "[0-9]", r"[\d.]"), r"\S": (r"\w", "."), 
    ".": (r"\.", r"[^\n]", r"\S", r"(?:.|\n)"),
    r"\.": (".",), "$": (r"\Z", r"\b", ""), r"\Z": ("$",), "^": (r"\A", ""), r"\b": ("", r"\B"),
}  # fmt: skip


def _pattern(site: Site, node: ast.Constant, parts: re.Match[str]) -> Iterator[DraftEdit]:
    """Quantifiers, classes, anchors and greed of a regular expression, one at a time."""
    body = parts[3]
    if len(body) > 400:
        return
    raw = "r" in parts[1].lower()
    at = site.module.span(node)[0] + len(parts[1]) + len(parts[2])
    pieces = [(m.start(), m.group()) for m in _ATOM.finditer(body)]
    if raw:
        yield from _every_dot(site, pieces, at)
    for index, (start, text) in enumerate(pieces):
        next_piece = pieces[index + 1][1] if index + 1 < len(pieces) else ""
        for new, weight in _variants(text, next_piece):
            if not raw and "\\" in new:
                continue
            pattern = body[:start] + new + body[start + len(text) :]
            if not _compiles(pattern):
                continue
            offset = at + start
            note = f"in the pattern `{text}` → `{new}`"
            change = (offset, offset + len(text), new)
            yield site.rewrite([change], "pattern.change", note, weight=weight)


def _every_dot(site: Site, pieces: list[tuple[int, str]], at: int) -> Iterator[DraftEdit]:
    """Every `.` that stands for any one character → a dot, where there are several."""
    following = [text for _, text in pieces[1:]] + [""]
    dots = [
        start
        for (start, text), after in zip(pieces, following, strict=True)
        if text == "." and after[:1] not in ("*", "+", "?", "{")
    ]
    if len(dots) > 1:
        changes = [(at + start, at + start + 1, r"\.") for start in dots]
        yield site.rewrite(changes, "pattern.change", "in the pattern every `.` → `\\.`")


def _compiles(pattern: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError, Warning):
        return False
    return True


def _variants(text: str, following: str) -> Iterator[tuple[str, float]]:
    if text in _QUANTIFIERS:
        for variant in _QUANTIFIERS:
            if variant != text:
                yield variant, 0.6
        yield "", 0.6
        if following != "?" and text != "?":
            yield f"{text}?", 1.0
        return
    for variant in _CLASSES.get(text, ()):
        yield variant, 0.6
    has_quantifier = following[:1] in ("*", "+", "?", "{")
    single = text.startswith(("\\", "[")) or text.isalnum() or text in (" ", ".", ")")
    if single and not has_quantifier and text not in (r"\b", r"\Z", r"\A"):
        for mark, weight in (("+", 0.5), ("*", 0.5), ("?", 0.6)):
            yield text + mark, weight
    if text.startswith("[^") and len(text) > 3:
        bracket_variant = text[:2] + r"\[" + text[2:] if r"\]" in text and r"\[" not in text else ""
        for new in (bracket_variant, text[:-1] + r"\n]", text[:-1] + r"\s]"):
            if new:
                yield new, 0.5
    elif text.startswith("[") and len(text) > 2:
        for extra in ("_", "-", ".", r"\s", ":"):
            if extra not in text:
                yield f"{text[:-1]}{extra}]", 0.3
        yield f"[^{text[1:]}", 0.2
