"""Elements and entries of literals: added from the test and from nearby, removed; defaults."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator

from agent.proposers.search.ingredients.site import DraftEdit, Site, brief
from agent.proposers.search.operators.names import attributes_of, likeness

_MAX_ELEMENTS = 10
_MAX_VALUES = 2
_WORD = re.compile(r"\w+")


def propose(site: Site) -> Iterator[DraftEdit]:
    node = site.node
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)) and isinstance(
        node.ctx if not isinstance(node, ast.Set) else ast.Load(), ast.Load
    ):
        yield from _added(site, node)
        yield from _removed(site, node, node.elts)
    elif isinstance(node, ast.Dict):
        yield from _entries(site, node)
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        yield from _safe_get(site, node)
    elif isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)):
        yield from _comprehension(site, node)


def _new_elements(site: Site, elements: list[ast.expr]) -> list[tuple[str, float]]:
    """Texts that may join a literal with these elements, likeliest first."""
    weights: dict[str, float] = {}
    texts = {site.source(element) for element in elements}
    if any(isinstance(e, ast.Constant) and isinstance(e.value, str) for e in elements):
        lengths = [
            len(e.value)
            for e in elements
            if isinstance(e, ast.Constant) and isinstance(e.value, str)
        ]
        for rank, value in enumerate(site.context.strings):
            if len(value) <= 3 * max(lengths) + 3:
                weights[repr(value)] = 1.0 / (1 + 0.05 * rank)
    attributes = [
        e for e in elements if isinstance(e, ast.Attribute) and isinstance(e.value, ast.Name)
    ]
    for element in attributes[-1:]:
        assert isinstance(element.value, ast.Name)
        counts: Counter[str] = Counter()
        for module in {site.module, *site.context.modules.values()}:
            counts.update(attributes_of(module).get(element.value.id, {}))
        for name, count in counts.items():
            weight = 0.5 + likeness(name, element.attr) + min(count, 5) / 20
            weights[f"{element.value.id}.{name}"] = weight
    names = [e.id for e in elements if isinstance(e, ast.Name)]
    scope = site.scope
    if names and all(name in scope.globals or name[:1].isupper() for name in names):
        for name in scope.globals:
            if name[:1].isupper() == names[0][:1].isupper():
                weights.setdefault(name, 0.3 + likeness(name, names[0]))
    elif names or not elements:
        for name in scope.bound_before(site.line):
            if name != site.own_name:
                weights.setdefault(name, 0.8)
    weighted_texts = [(t, w) for t, w in weights.items() if t not in texts]
    return sorted(weighted_texts, key=lambda pair: -pair[1])[:_MAX_ELEMENTS]


def _added(site: Site, node: ast.List | ast.Tuple | ast.Set) -> Iterator[DraftEdit]:
    start, end = site.module.span(node)
    has_brackets = (
        site.module.text[start : start + 1] in "([{"
        and site.module.text[start] != site.source(node.elts[0])[:1]
        if node.elts
        else True
    )
    for text, weight in _new_elements(site, node.elts):
        if node.elts:
            at, new = site.module.span(node.elts[-1])[1], f", {text}"
            if isinstance(node, ast.Tuple) and not has_brackets and len(node.elts) > 6:
                continue
        elif isinstance(node, ast.Tuple):
            at, new = end - 1, f"{text},"
        else:
            at, new = end - 1, text
        note = f"add the element `{brief(text)}`"
        yield site.rewrite(
            [(at, at, new)], "element.add", note, weight=weight, names=(text.strip("'\""),)
        )


def _entries(site: Site, node: ast.Dict) -> Iterator[DraftEdit]:
    """A missing key, from the failing test, with the value that most others have."""
    keys = [key for key in node.keys if isinstance(key, ast.Constant)]
    texts = [key.value for key in keys if isinstance(key.value, str)]
    if not texts or len(texts) < len(node.keys):
        return
    values = Counter(site.source(value) for value in node.values).most_common(_MAX_VALUES)
    end = site.module.span(node.values[-1])[1]
    between = ", "
    if len(keys) > 1:
        previous_end, key_start = (
            site.module.span(node.values[-2])[1],
            site.module.span(keys[-1])[0],
        )
        between = site.module.text[previous_end:key_start]
    if between.strip() != ",":
        return  # a comment stands there
    for rank, key in enumerate(_missing_keys(site, texts)):
        for value, count in values:
            entry = f"{between}{_quoted_like(site.source(keys[-1]), key)}: {value}"
            note = f"add the entry `{brief(key)}: {brief(value)}`"
            weight = count / len(texts) / (1 + 0.2 * rank)
            yield site.rewrite([(end, end, entry)], "entry.add", note, weight=weight, names=(key,))


def _missing_keys(site: Site, texts: list[str]) -> list[str]:
    """Texts of the test, and words in them, that are written like the keys."""
    upper, lower = all(t == t.upper() for t in texts), all(t == t.lower() for t in texts)
    max_length = max(map(len, texts)) + 5
    keys: dict[str, None] = {}
    for text in site.context.strings:
        for word in (text, *_WORD.findall(text)):
            key = word.upper() if upper else word.lower() if lower else word
            if 1 < len(key) <= max_length and key not in texts:
                keys[key] = None
    return list(keys)[:_MAX_ELEMENTS]


def _quoted_like(literal: str, text: str) -> str:
    """A text as a literal, in the quotes of another literal where they fit."""
    literal_text = repr(text)
    return (
        literal_text
        if literal[-1] in literal_text[1:-1]
        else f"{literal[-1]}{literal_text[1:-1]}{literal[-1]}"
    )


def _removed(site: Site, node: ast.expr, elements: list[ast.expr]) -> Iterator[DraftEdit]:
    if len(elements) < 2 or len(elements) > 12:
        return
    spans = [site.module.span(element) for element in elements]
    for index, (start, end) in enumerate(spans):
        cut = (start, spans[index + 1][0]) if index + 1 < len(spans) else (spans[index - 1][1], end)
        if len(elements) == 2 and isinstance(node, ast.Tuple) and index == 1:
            cut = (spans[0][1], end)
        note = f"drop the element `{brief(site.source(elements[index]))}`"
        keep = "," if len(elements) == 2 and isinstance(node, ast.Tuple) else ""
        if keep and index == 0:
            yield site.rewrite(
                [(*cut, ""), (end + 0, end + 0, "")], "element.drop", note, weight=0.2
            )
            continue
        yield site.rewrite([(*cut, keep)], "element.drop", note)
    if len(elements) == 2:
        first, second = spans
        texts = [site.source(element) for element in elements]
        note = "swap the elements"
        yield site.rewrite([(*first, texts[1]), (*second, texts[0])], "element.swap", note)


def _safe_get(site: Site, node: ast.Subscript) -> Iterator[DraftEdit]:
    """`d[k]` → `d.get(k)`, with a default; only where the index may be a key."""
    index = node.slice
    if isinstance(index, (ast.Slice, ast.Tuple, ast.UnaryOp)) or site.kind(node.value) in (
        "list",
        "text",
        "tuple",
    ):
        return
    if isinstance(index, ast.Constant) and isinstance(index.value, int):
        return
    holder, key = site.source(node.value), site.source(index)
    for default, weight in (
        ("", 1.0),
        (", 0", 0.5),
        (", []", 0.4),
        (", ''", 0.3),
        (f", {key}", 0.5),
    ):
        yield site.replace(node, f"{holder}.get({key}{default})", "element.get", weight=weight)


def _comprehension(
    site: Site, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
) -> Iterator[DraftEdit]:
    """A filter added to a comprehension, or dropped."""
    last = node.generators[-1]
    end = site.module.span(last.ifs[-1] if last.ifs else last.iter)[1]
    targets = [n.id for n in ast.walk(last.target) if isinstance(n, ast.Name)]
    for name in targets[:2]:
        for text, weight in ((name, 1.0), (f"{name} is not None", 0.8), (f"not {name}", 0.4)):
            word = " and " if last.ifs else " if "
            note = f"only `if {text}`"
            yield site.rewrite(
                [(end, end, word + text)], "comprehension.filter", note, weight=weight
            )
    if last.ifs:
        start = site.module.span(last.iter)[1]
        yield site.rewrite([(start, end, "")], "comprehension.unfilter", "drop the filter")
