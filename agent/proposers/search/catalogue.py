"""All candidate edits of some lines, checked, without doubles, likeliest first."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Collection, Iterator

from agent.job import CandidatePatch
from agent.proposers.search.check import Meaning, Unit, block_unit, statement_unit
from agent.proposers.search.context import ProjectContext
from agent.proposers.search.module import Module
from agent.proposers.search.operators import EXPRESSION_FAMILIES, STATEMENT_FAMILIES
from agent.proposers.search.prior import SHARES, feature
from agent.proposers.search.site import Draft, Site
from sandbox.edit import SourceEdit

PROPOSER = "search"
_BODIES = ("body", "orelse", "finalbody", "handlers", "cases")


def candidates(
    module: Module, lines: Collection[int], *, context: ProjectContext
) -> Iterator[CandidatePatch]:
    """Yield single edits of the statements that cover the lines, the likeliest first.

    The score is the estimated share of fixes of a statement that are this edit: the share of
    its operator (`prior.SHARES`), divided among the drafts of that operator by their weights.
    It does not hold how suspicious the line is. Each candidate compiles, differs from the base
    and from those before it in the instructions it compiles to.
    """
    statements: dict[ast.stmt | ast.excepthandler, None] = {}
    for line in sorted(lines):
        statements.update(dict.fromkeys(module.statements_at(line)))
    scored: list[tuple[float, Draft, ast.stmt | ast.excepthandler]] = []
    for statement in statements:
        found = drafts(module, statement, context)
        scored += [(score, draft, statement) for score, draft in scores(found, statement, context)]
    scored.sort(key=lambda item: -item[0])
    yield from _checked(module, scored)


def drafts(
    module: Module, statement: ast.stmt | ast.excepthandler, context: ProjectContext
) -> list[Draft]:
    """Every draft for one statement (for a compound one: its header), unchecked."""
    found: list[Draft] = []
    whole = Site(module=module, context=context, statement=statement, node=statement)
    for family in STATEMENT_FAMILIES:
        found += family(whole)
    for node in expressions(module, statement):
        site = Site(module=module, context=context, statement=statement, node=node)
        for family in EXPRESSION_FAMILIES:
            found += family(site)
    return found


def expressions(module: Module, statement: ast.stmt | ast.excepthandler) -> Iterator[ast.AST]:
    """The expressions of a statement itself, outermost first; not those of its body."""
    stack: list[ast.AST] = []
    for name, value in ast.iter_fields(statement):
        if name not in _BODIES:
            items = value if isinstance(value, list) else [value]
            stack += [item for item in items if isinstance(item, ast.AST)]
    while stack:
        node = stack.pop(0)
        if isinstance(node, (ast.expr, ast.arguments, ast.keyword)) and module.reliable(node):
            yield node
        stack.extend(ast.iter_child_nodes(node))


def scores(
    found: list[Draft], statement: ast.AST, context: ProjectContext
) -> Iterator[tuple[float, Draft]]:
    """Divide the share of each operator among its drafts, and all of it to at most 1."""
    names = frozenset(n.id for n in ast.walk(statement) if isinstance(n, ast.Name))
    weights = [max(1e-6, draft.weight * feature(draft, context, names)) for draft in found]
    sums: dict[str, float] = defaultdict(float)
    for draft, weight in zip(found, weights, strict=True):
        sums[draft.operator] += weight
    total = sum(SHARES[operator] for operator in sums) or 1.0
    for draft, weight in zip(found, weights, strict=True):
        yield SHARES[draft.operator] / total * weight / sums[draft.operator], draft


def _checked(
    module: Module, scored: list[tuple[float, Draft, ast.stmt | ast.excepthandler]]
) -> Iterator[CandidatePatch]:
    units: dict[tuple[str, ast.AST], Unit | None] = {}
    seen: set[tuple[int, int, Meaning]] = set()
    texts: set[tuple[tuple[int, int, str], ...]] = set()
    for score, draft, statement in scored:
        if draft.changes in texts:
            continue
        texts.add(draft.changes)
        unit = _unit(module, units, draft, statement)
        if unit is None:
            continue
        found = unit.changed(draft.changes)
        key = (unit.start, unit.end, found)
        if found is None or found == unit.base or key in seen:
            continue
        seen.add(key)
        yield CandidatePatch(
            edits=tuple(SourceEdit(module.path, *change) for change in draft.changes),
            proposer=PROPOSER,
            operator=draft.operator,
            description=f"{draft.note} in {module.path}:{statement.lineno}",
            score=score,
        )


def _unit(
    module: Module,
    units: dict[tuple[str, ast.AST], Unit | None],
    draft: Draft,
    statement: ast.stmt | ast.excepthandler,
) -> Unit | None:
    for kind, make in (("statement", statement_unit), ("block", block_unit)):
        key = (kind, statement)
        if key not in units:
            units[key] = make(module, statement)
        unit = units[key]
        if unit and unit.start <= draft.changes[0][0] and draft.changes[-1][1] <= unit.end:
            return unit
    return None


def combine(first: CandidatePatch, second: CandidatePatch) -> CandidatePatch | None:
    """Both candidates as one, or None when their edits touch the same characters."""
    edits = sorted({*first.edits, *second.edits})
    for one, other in zip(edits, edits[1:], strict=False):
        if one.path == other.path and (one.end > other.start or one.start == other.start):
            return None
    if len(edits) < len(first.edits) + len(second.edits):
        return None
    return CandidatePatch(
        edits=tuple(edits),
        proposer=first.proposer,
        operator=f"{first.operator}+{second.operator}",
        description=f"{first.description}; {second.description}",
        score=first.score * second.score,
    )
