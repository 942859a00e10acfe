"""A developers' fix as a tree: which lines it changes, and whether an edit equals it."""

from __future__ import annotations

import ast
import copy
import difflib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from agent.records import CandidatePatch
from agent.source.module import Module
from sandbox.source import apply_edits


@dataclass(frozen=True, kw_only=True)
class Case:
    """One bug: a file before and after the developers' fix, and the failing tests' source."""

    name: str
    path: str
    before: str
    after: str
    tests: tuple[str, ...] = ()
    siblings: tuple[tuple[str, str], ...] = ()
    """Path and text of other source files of the project."""


_TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Gt: ast.Lt, ast.GtE: ast.LtE}


class _Plain(ast.NodeTransformer):
    """Drops strings that stand as statements; writes `a > b` as `b < a`, which is the same."""

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        turned = _TURNED.get(type(node.ops[0]))
        if len(node.ops) == 1 and turned is not None:
            return ast.Compare(node.comparators[0], [turned()], [node.left])
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = without_strings(body)  # type: ignore[attr-defined]
        return node


def without_strings(body: list[ast.stmt]) -> list[ast.stmt]:
    return [n for n in body if not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))]


def plain(text: str) -> list[str]:
    """The statements of a source text, normalised; raises SyntaxError."""
    return [ast.dump(node) for node in _Plain().visit(ast.parse(text)).body]


class Target:
    """The piece of the file the fix changes, and the test whether an edit equals it."""

    def __init__(self, case: Case, module: Module) -> None:
        self._module = module
        before, after = module.tree.body, ast.parse(case.after).body
        self._narrow(case, before, after)

    def _narrow(self, case: Case, before: list[ast.stmt], after: list[ast.stmt]) -> None:
        """Descend into the one class or function that differs."""
        while True:
            before, after = without_strings(before), without_strings(after)
            least = min(len(before), len(after))
            first = 0
            while first < least and _same(before[first], after[first]):
                first += 1
            last = 0
            while last < least - first and _same(before[-1 - last], after[-1 - last]):
                last += 1
            old, new = before[first : len(before) - last], after[first : len(after) - last]
            self.same = not old and not new
            if len(old) == len(new) == 1 and _headers_equal(old[0], new[0]):
                before, after = old[0].body, new[0].body  # type: ignore[attr-defined]
                continue
            break
        low, high = max(0, first - 1), min(len(before), len(before) - last + 1)
        rows = [self._module.rows(node) for node in before[low:high]]
        if not rows or None in (rows[0], rows[-1]):
            self.start, self.end = 0, len(self._module.text)
            self._wanted = plain(case.after)
            self._words = _difference(ast.unparse(module_of(before)), ast.unparse(module_of(after)))
            return
        self.start, self.end = rows[0][0], rows[-1][1]  # type: ignore[index]
        shift = len(after) - len(before)
        self._wanted = [_key(node) for node in after[low : high + shift]]
        self._words = _difference(
            ast.unparse(module_of(before[low:high])),
            ast.unparse(module_of(after[low : high + shift])),
        )

    @property
    def words_changed(self) -> int:
        """How many words the fix takes away and brings in."""
        return sum(words.total() for words in self._words)

    def promising(self, candidate: CandidatePatch) -> bool:
        """Whether a candidate changes the words as the fix does; cheap, asked first."""
        taken = " ".join(self._module.text[e.start : e.end] for e in candidate.edits)
        added = " ".join(e.replacement for e in candidate.edits)
        return _difference(taken, added) == self._words

    def text(self, candidate: CandidatePatch) -> str | None:
        """The piece with a candidate applied; None when the candidate edits elsewhere."""
        low = min(edit.start for edit in candidate.edits)
        high = max(edit.end for edit in candidate.edits)
        if low < self.start or high > self.end:
            return None
        changed = apply_edits(self._module.text, candidate.edits)
        return changed[self.start : self.end + len(changed) - len(self._module.text)]

    def equals(self, piece: str | None) -> bool:
        if piece is None:
            return False
        indented = piece[:1] in " \t"
        try:
            body = ast.parse(f"if 1:\n{piece}" if indented else piece).body
        except SyntaxError:
            return False
        found = without_strings(body[0].body if indented else body)  # type: ignore[attr-defined]
        return [ast.dump(_Plain().visit(node)) for node in found] == self._wanted


def module_of(body: list[ast.stmt]) -> ast.Module:
    return _Plain().visit(ast.Module(copy.deepcopy(body), []))  # type: ignore[no-any-return]


def _difference(before: str, after: str) -> tuple[Counter[str], Counter[str]]:
    """Words gone and words come; those that the writing of a tree adds by itself left out."""
    old, new = _words_of(before), _words_of(after)
    return old - new, new - old


def _words_of(text: str) -> Counter[str]:
    words = Counter(re.findall(r"\w+", re.sub(r"(?m)(^|\s)#.*$", "", text)))
    for free in ("if", "elif", "else", "pass"):
        words.pop(free, None)
    return words


def _key(node: ast.stmt) -> str:
    return ast.dump(_Plain().visit(copy.deepcopy(node)))


def _same(old: ast.stmt, new: ast.stmt) -> bool:
    return ast.dump(old) == ast.dump(new) or _key(old) == _key(new)


def _headers_equal(old: ast.stmt, new: ast.stmt) -> bool:
    if type(old) is not type(new) or not isinstance(
        old, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    ):
        return False
    assert isinstance(new, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
    if not old.body or not new.body:
        return False

    def header(node: ast.stmt) -> list[str]:
        return [
            str(ast.dump(value))
            if isinstance(value, ast.AST)
            else str([ast.dump(v) for v in value] if isinstance(value, list) else value)
            for name, value in ast.iter_fields(node)
            if name != "body"
        ]

    return header(old) == header(new)


def changed_lines(before: str, after: str) -> list[int]:
    """Lines of the base that the fix changes; the neighbours of lines it only adds."""
    old, new = _code_rows(before), _code_rows(after)
    found: set[int] = set()
    equal = 0
    while equal < min(len(old), len(new)) and old[equal] == new[equal]:
        equal += 1
    matcher = difflib.SequenceMatcher(None, old[equal:], new[equal:], autojunk=False)
    for tag, *ends in matcher.get_opcodes():
        low, high, from_, to = (end + equal for end in ends)
        if tag == "equal" or not any((*old[low:high], *new[from_:to])):
            continue
        if tag == "insert" or not any(old[low:high]):
            found |= set(_beside(old, low - 1, -1)) | set(_beside(old, low, 1))
        else:
            found |= {number + 1 for number in range(low, high) if old[number]}
    return sorted(found)


def _beside(rows: list[str], start: int, step: int) -> Iterator[int]:
    number = start
    while 0 <= number < len(rows):
        if rows[number]:
            yield number + 1
            return
        number += step


def _code_rows(text: str) -> list[str]:
    """The lines of a text, those of comments and of strings that are statements emptied."""
    rows = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            for number in range(node.lineno - 1, node.end_lineno or node.lineno):
                rows[number] = ""
    return ["" if row.lstrip().startswith("#") else row.rstrip() for row in rows]
