"""Features of an edit relative to the surrounding code and the failing tests, as numbers.

Each feature is about 0..3 in size; `learned_weights.WEIGHTS` says what each is worth. They follow
what the literature found to tell right edits from others: names near the edit and in the failing
test (CapGen, Prophet), donors from the same file (Barr et al. 2014), and how usual the new text is
in the file ("naturalness", Hindle et al. 2012; Ray et al. 2016)."""

from __future__ import annotations

import ast
import keyword
import math
import re
from collections import Counter
from functools import lru_cache
from itertools import pairwise

from agent.proposers.search.ingredients.project_context import ProjectContext
from agent.proposers.search.ingredients.scope import BUILTINS
from agent.proposers.search.ingredients.site import DraftEdit
from agent.proposers.search.operators.names import likeness
from agent.source.module import Module
from sandbox.syntax import AnyFunction

_TOKEN = re.compile(r"\w+|[^\w\s]")
_WORD = re.compile(r"[A-Za-z_]\w*")
_LITERAL = re.compile(r"'([^'\\\n]*)'|\"([^\"\\\n]*)\"|(?<![\w.])(\d+)(?![\w.])")
_COMMON = frozenset(keyword.kwlist) | BUILTINS
_CONTEXT_CHARACTERS = 40
"""Characters beside an edit in which its neighbouring tokens are looked for."""

FEATURE_NAMES = (
    "share",
    "new_in_message",
    "new_in_test",
    "old_in_test",
    "literal_in_test",
    "new_on_line",
    "new_in_function",
    "new_in_file",
    "new_nowhere",
    "likeness",
    "added",
    "taken",
    "pairs_seen",
    "pairs_unseen",
    "old_pairs_rare",
    "position",
    "position_end",
    "several",
    "copied",
)
"""`share`: log of a draft's part in the weights of its operator's drafts; the others below."""


@lru_cache(maxsize=64)
def _file_words(module: Module) -> frozenset[str]:
    return frozenset(_WORD.findall(module.text))


@lru_cache(maxsize=64)
def _file_pairs(module: Module) -> Counter[tuple[str, str]]:
    """How often two tokens stand next to each other in the file."""
    return Counter(pairwise(_TOKEN.findall(module.text)))


@lru_cache(maxsize=256)
def _function_text(module: Module, function: AnyFunction | None) -> tuple[str, frozenset[str]]:
    text = module.source(function) if function else ""
    return text, frozenset(_WORD.findall(text))


class Surroundings:
    """Code and failing tests around one statement, shared by the features of its drafts."""

    def __init__(
        self, module: Module, statement: ast.stmt | ast.excepthandler, context: ProjectContext
    ) -> None:
        self._text = module.text
        first, last = module.header_lines(statement)
        self._start, self._end = module.line_start(first), module.line_start(last + 1)
        self._line = frozenset(_WORD.findall(self._text[self._start : self._end]))
        function = module.function_of(statement)
        self._function, self._near = _function_text(module, function)
        self._file = _file_words(module)
        self._pairs = _file_pairs(module)
        self._literals = context.literals
        self._context = context

    def of(self, draft: DraftEdit) -> list[float]:
        """The features in the order of `FEATURE_NAMES`, `share` left out."""
        text = self._text
        old_text = "\n".join([text[start:end] for start, end, _ in draft.changes])
        new_text = "\n".join([new for _, _, new in draft.changes])
        old, new = set(_WORD.findall(old_text)), set(_WORD.findall(new_text))
        old_words, new_words = old - new - _COMMON, (new - old - _COMMON) | set(draft.names)
        position = (draft.changes[0][0] - self._start) / max(1, self._end - self._start)
        is_within = -0.05 <= position <= 1.0
        return [
            *self._of_words(old_words, new_words, new_text, old_text),
            math.log1p(len(new_text)),
            math.log1p(len(old_text)),
            *self._of_pairs(draft),
            position if is_within else 0.0,
            position * position if is_within else 0.0,
            float(len(draft.changes) > 1),
            float(len(new_text) > 3 and new_text.strip() in self._function),
        ]

    def _of_words(
        self, old_words: set[str], new_words: set[str], new_text: str, old_text: str
    ) -> list[float]:
        context = self._context
        count = len(new_words) or 1
        line = sum(word in self._line for word in new_words)
        function = sum(word in self._near for word in new_words)
        file = sum(word in self._file for word in new_words)
        name_likeness = (
            likeness(*old_words, *new_words) if len(old_words) == len(new_words) == 1 else 0.0
        )
        literals = {a or b or c for a, b, c in _LITERAL.findall(new_text)}
        is_literal_seen = bool(literals & self._literals) and not literals & {
            a or b or c for a, b, c in _LITERAL.findall(old_text)
        }
        return [
            float(bool(new_words & context.message.names)),
            sum(word in context.test.names for word in new_words) / count,
            float(bool(old_words & context.test.names)),
            float(is_literal_seen),
            line / count,
            (function - line) / count,
            (file - max(function, line)) / count,
            (len(new_words) - file) / count,
            name_likeness,
        ]

    def _of_pairs(self, draft: DraftEdit) -> list[float]:
        """Neighbouring tokens the edit makes and breaks: how usual they are in the file."""
        text, pairs = self._text, self._pairs
        usual_count = unusual_count = rare = broken_count = 0
        for start, end, new in draft.changes:
            token_before = _TOKEN.findall(text[max(0, start - _CONTEXT_CHARACTERS) : start])[-1:]
            token_after = _TOKEN.findall(text[end : end + _CONTEXT_CHARACTERS])[:1]
            new_pairs = list(pairwise([*token_before, *_TOKEN.findall(new), *token_after]))
            old_pairs = list(
                pairwise([*token_before, *_TOKEN.findall(text[start:end]), *token_after])
            )
            for pair in set(new_pairs).difference(old_pairs):
                if pair in pairs:
                    usual_count += 1
                else:
                    unusual_count += 1
            for pair in set(old_pairs).difference(new_pairs):
                broken_count += 1
                rare += pairs[pair] <= 1
        return [
            usual_count / (usual_count + unusual_count) if usual_count + unusual_count else 0.0,
            math.log1p(unusual_count),
            rare / broken_count if broken_count else 0.0,
        ]
