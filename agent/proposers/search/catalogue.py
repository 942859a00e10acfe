"""All candidate edits of some lines, checked, without doubles, likeliest first."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import TypeAlias

from agent.proposers.search.equivalence import Meaning, Unit, block_unit, statement_unit
from agent.proposers.search.failed_operators import FailedOperators
from agent.proposers.search.ingredients.project_context import ProjectContext
from agent.proposers.search.ingredients.site import DraftEdit, Site
from agent.proposers.search.likelihood.prior import shares
from agent.proposers.search.operators import EXPRESSION_FAMILIES, STATEMENT_FAMILIES, Family
from agent.records import CandidatePatch
from agent.source.module import Module
from agent.source.structure import LONG_STATEMENT_LINES
from sandbox.source import SourceEdit
from sandbox.syntax import AnyFunction

PROPOSER = "search"
MAX_DRAFTS = 1500
"""Of the lines asked for at once; only tables of many lines have more."""
WINDOW_MARGIN_LINES = 2
Scored: TypeAlias = tuple[float, DraftEdit, ast.stmt | ast.excepthandler]
Judged: TypeAlias = tuple[int, int, Meaning]
"""A part of the file, and the instructions an edit makes of it."""
_BODIES = ("body", "orelse", "finalbody", "handlers", "cases")
_ANNOTATIONS = ("annotation", "returns")
"""What parameters, results and variables are said to be: nothing to the interpreter."""


def candidates(
    module: Module,
    lines: Collection[int],
    *,
    context: ProjectContext,
    failed: FailedOperators | None = None,
) -> Iterator[CandidatePatch]:
    """Yield single edits of the statements that cover the lines, the likeliest first.

    An operator that fails at a site skips it and is counted in `failed`; without that its error
    is raised.

    The score is the estimated share of fixes of a statement that are this edit (`prior.shares`).
    It does not hold how suspicious the line is. Each candidate compiles, differs from the base
    and from those before it in the instructions it compiles to.
    """
    statements: dict[ast.stmt | ast.excepthandler, None] = {}
    for line in sorted(lines):
        statements.update(dict.fromkeys(module.statements_at(line)))
    scored_drafts: list[Scored] = []
    for statement in statements:
        shown_part = window(module, statement, lines)
        statement_drafts = drafts(module, statement, context, shown_part, failed)
        chances = shares(statement_drafts, module, statement, context)
        draft_scores = joined_scores(zip(chances, statement_drafts, strict=True))
        scored_drafts += [(score, draft, statement) for score, draft in draft_scores]
    scored_drafts.sort(key=lambda item: -item[0])
    del scored_drafts[MAX_DRAFTS:]
    yield from _checked(module, scored_drafts)


def window(
    module: Module, statement: ast.stmt | ast.excepthandler, lines: Collection[int]
) -> tuple[int, int] | None:
    """First and last line to edit inside a long statement; None for all of it."""
    first, last = module.header_lines(statement)
    lines_within = [line for line in lines if first <= line <= last]
    if last - first < LONG_STATEMENT_LINES or not lines_within or min(lines_within) == first:
        return None
    return min(lines_within) - WINDOW_MARGIN_LINES, max(lines_within) + WINDOW_MARGIN_LINES


def drafts(
    module: Module,
    statement: ast.stmt | ast.excepthandler,
    context: ProjectContext,
    window: tuple[int, int] | None = None,
    failed: FailedOperators | None = None,
) -> list[DraftEdit]:
    """Every draft for one statement (for a compound one: its header), unchecked. Operators that
    fail as in `candidates`."""
    drafts_made: list[DraftEdit] = []
    statement_site = Site(module=module, context=context, statement=statement, node=statement)
    for family in STATEMENT_FAMILIES:
        _extend(drafts_made, family, statement_site, failed)
    for node in expressions(module, statement):
        low, high = window or (0, module.line_count)
        if getattr(node, "end_lineno", low) < low or getattr(node, "lineno", high) > high:
            continue
        site = Site(module=module, context=context, statement=statement, node=node)
        for family in EXPRESSION_FAMILIES:
            _extend(drafts_made, family, site, failed)
    return drafts_made


def _extend(
    drafts_made: list[DraftEdit], family: Family, site: Site, failed: FailedOperators | None
) -> None:
    """Add what a family proposes, up to where it fails."""
    if failed is None:
        drafts_made += family(site)
        return
    name = f"{family.__module__.rpartition('.')[2]}.{family.__name__}"
    with failed.skipped(name, f"{site.module.path}:{site.line}"):
        drafts_made += family(site)


def expressions(module: Module, statement: ast.stmt | ast.excepthandler) -> Iterator[ast.AST]:
    """The expressions of a statement itself, outermost first; not those of its body."""
    left_out = {*_BODIES, *_ANNOTATIONS}
    if isinstance(statement, ast.AnnAssign) and isinstance(module.parent(statement), ast.ClassDef):
        left_out.remove("annotation")  # it may make a field of a dataclass
    stack = list(_parts(statement, left_out))
    while stack:
        node = stack.pop(0)
        if isinstance(node, (ast.expr, ast.arguments, ast.keyword)) and module.reliable(node):
            yield node
        stack.extend(_parts(node, _ANNOTATIONS))


def _parts(node: ast.AST, left_out: Collection[str]) -> Iterator[ast.AST]:
    for name, value in ast.iter_fields(node):
        if name not in left_out:
            items = value if isinstance(value, list) else [value]
            yield from (item for item in items if isinstance(item, ast.AST))


def joined_scores(
    scored_drafts: Iterable[tuple[float, DraftEdit]],
) -> Iterator[tuple[float, DraftEdit]]:
    """One draft for each edit: what several operators propose gets all their scores."""
    best: dict[tuple[tuple[int, int, str], ...], tuple[float, DraftEdit]] = {}
    total: dict[tuple[tuple[int, int, str], ...], float] = defaultdict(float)
    for score, draft in scored_drafts:
        total[draft.changes] += score
        if draft.changes not in best or score > best[draft.changes][0]:
            best[draft.changes] = score, draft
    for changes, (_, draft) in best.items():
        yield min(total[changes], 1.0), draft


def _checked(module: Module, scored_drafts: list[Scored]) -> Iterator[CandidatePatch]:
    units: dict[tuple[str, ast.AST], Unit | None] = {}
    keys: set[Judged] = set()
    texts: set[tuple[tuple[int, int, str], ...]] = set()
    for score, draft, statement in scored_drafts:
        if draft.changes in texts:
            continue
        texts.add(draft.changes)
        key = judged(module, units, draft, statement)
        if key is None or key in keys:
            continue
        keys.add(key)
        yield CandidatePatch(
            edits=tuple(SourceEdit(module.path, *change) for change in draft.changes),
            proposer=PROPOSER,
            operator=draft.operator,
            description=f"{draft.note} in {module.path}:{statement.lineno}",
            score=score,
        )


def judged(
    module: Module,
    units: dict[tuple[str, ast.AST], Unit | None],
    draft: DraftEdit,
    statement: ast.stmt | ast.excepthandler,
) -> Judged | None:
    """What an edit makes of its part of the file, equal for edits that mean the same.

    None when it does not compile or changes nothing. `units` keeps what was compiled before.
    """
    unit = _unit(module, units, draft, statement)
    if unit is None:
        return None
    meaning = unit.changed(draft.changes)
    return None if meaning is None or meaning == unit.base else (unit.start, unit.end, meaning)


def _unit(
    module: Module,
    units: dict[tuple[str, ast.AST], Unit | None],
    draft: DraftEdit,
    statement: ast.stmt | ast.excepthandler,
) -> Unit | None:
    for kind, make in (("statement", statement_unit), ("block", block_unit)):
        key = (kind, statement)
        if key not in units:
            units[key] = make(module, statement)
        unit = units[key]
        low, high = draft.changes[0][0], draft.changes[-1][1]
        if not unit or low < unit.start or high > unit.end:
            continue
        if kind == "block" or not (_of_rows(draft) or _of_function(module, draft, statement)):
            return unit
    return None


def _of_function(module: Module, draft: DraftEdit, statement: ast.stmt | ast.excepthandler) -> bool:
    """Whether other statements of the function decide if the edit compiles: an asynchronous
    generator returns no value, and no name is used before it is declared `global`."""
    function = module.function_of(statement)
    if function is None:
        return False
    yields = any("yield" in text for _, _, text in draft.changes)
    return (yields and isinstance(function, ast.AsyncFunctionDef)) or _declares(function)


@lru_cache(maxsize=256)
def _declares(function: AnyFunction) -> bool:
    return any(isinstance(node, ast.Global | ast.Nonlocal) for node in ast.walk(function))


def _of_rows(draft: DraftEdit) -> bool:
    """Whether whole lines come or go; the block judges those, so that equal ones meet there."""
    return any("\n" in text or "\r" in text for _, _, text in draft.changes)


def combine(first: CandidatePatch, second: CandidatePatch) -> CandidatePatch | None:
    """Both candidates as one, or None when their edits touch the same characters."""
    edits = sorted({*first.edits, *second.edits})
    for edit, next_edit in pairwise(edits):
        if edit.path == next_edit.path and (
            edit.end > next_edit.start or edit.start == next_edit.start
        ):
            return None
    if len(edits) < len(first.edits) + len(second.edits):
        return None
    description = f"{first.description}; {second.description}"
    if first.description == second.description:  # the same edit at two places of a line
        description = f"{first.description}, twice"
    return CandidatePatch(
        edits=tuple(edits),
        proposer=first.proposer,
        operator=f"{first.operator}+{second.operator}",
        description=description,
        score=first.score * second.score,
    )
