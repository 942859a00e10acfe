"""An expression replaced by another one of the project, with at most one name changed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from agent.proposers.search.ingredients.donors import Donor, donor_index, similarity, tokens_of
from agent.proposers.search.ingredients.scope import BUILTINS
from agent.proposers.search.ingredients.site import DraftEdit, Site, brief
from agent.proposers.search.operators.names import is_callee, likeness
from agent.proposers.search.operators.statements import insertion

_MAX_EXPRESSIONS = 8
_MAX_STATEMENTS = 8


def propose(site: Site) -> Iterator[DraftEdit]:
    node = site.node
    if isinstance(node, ast.expr) and _replaceable(site, node):
        yield from _expressions(site, node)
    elif isinstance(node, ast.stmt):
        yield from _statements(site, node)


def _replaceable(site: Site, node: ast.expr) -> bool:
    if isinstance(node, (ast.Constant, ast.JoinedStr, ast.Slice, ast.Starred, ast.Lambda)):
        return False
    if isinstance(getattr(node, "ctx", ast.Load()), (ast.Store, ast.Del)):
        return False
    return not is_callee(site, node) and not isinstance(site.module.parent(node), ast.Attribute)


def adapted(site: Site, donor: Donor, site_names: frozenset[str]) -> list[tuple[str, float]]:
    """The donor as it stands, or with its one unknown name replaced by one in scope."""
    scope = site.scope
    visible = {*scope.bound_before(site.line), *scope.globals, *BUILTINS}
    foreign = [name for name in donor.names if name not in visible]
    if not foreign:
        adaptations = [(donor.text, 1.0)]
        for name in sorted(donor.names & set(scope.variables)):
            adaptations += [
                (_renamed(donor.text, name, replacement), 0.6)
                for replacement in sorted(site_names - donor.names)
                if replacement in scope.variables
            ]
        return adaptations[:4]
    if len(foreign) > 1:
        return []
    options = sorted(
        (n for n in scope.bound_before(site.line) if n != site.own_name),
        key=lambda n: (n not in site_names, -likeness(n, foreign[0])),
    )
    return [(_renamed(donor.text, foreign[0], replacement), 0.5) for replacement in options[:2]]


def _renamed(text: str, old: str, new: str) -> str:
    return re.sub(rf"(?<![\w.]){re.escape(old)}\b(?!\s*=[^=])", new, text)


def _expressions(site: Site, node: ast.expr) -> Iterator[DraftEdit]:
    index = donor_index(site.module)
    text = site.source(node)
    tokens = tokens_of(text)
    names = frozenset(n.id for n in ast.walk(node) if isinstance(n, ast.Name))
    pool: dict[int, Donor] = {id(d): d for d in index.by_function[site.function]}
    for name in names:
        if name not in BUILTINS and name != site.own_name:
            pool.update((id(d), d) for d in index.by_name[name][:300])
    kind = site.kind(node)
    scores: dict[str, float] = {}
    for donor in pool.values():
        same_kind = donor.kind is type(node)
        token_similarity = similarity(tokens, donor.tokens)
        score = 0.3 + 2 * token_similarity + (0.7 if same_kind else 0.0)
        score += 0.8 if donor.function is site.function else 0.0
        score /= 1 + max(0, len(donor.tokens) - len(tokens) - 3) / 4
        if not same_kind and not kind and token_similarity == 0:
            continue
        scores[donor.text] = max(scores.get(donor.text, 0.0), score)
    by_text = {d.text: d for d in pool.values()}
    best = sorted(scores.items(), key=lambda pair: -pair[1])[:_MAX_EXPRESSIONS]
    site_names = frozenset(names)
    for donor_text, score in best:
        for new, weight in adapted(site, by_text[donor_text], site_names)[:2]:
            if new != text:
                yield site.replace(node, new, "donor.expression", weight=score * weight)


def _statements(site: Site, node: ast.stmt) -> Iterator[DraftEdit]:
    """A statement of the same function, class or file copied before or behind this one."""
    if site.function is None and not isinstance(site.module.parent(node), ast.Module):
        return
    index = donor_index(site.module)
    position = site.module.place(node)
    if position is None or site.module.text[site.module.span(node)[0] :][:4] == "elif":
        return
    around = position.block[max(0, position.index - 3) : position.index + 4]
    tokens = frozenset(t for neighbour in around for t in tokens_of(site.source(neighbour)[:300]))
    site_names = frozenset(n.id for n in ast.walk(node) if isinstance(n, ast.Name))
    scored_donors: list[tuple[float, Donor]] = []
    for function, donors in index.statements.items():
        same_function = function is site.function
        for donor in donors:
            if not same_function and (
                donor.owner is not site.module.class_of(site.statement) or not donor.owner
            ):
                continue
            score = 0.3 + similarity(tokens, donor.tokens) + (0.7 if same_function else 0.0)
            scored_donors.append((score, donor))
    scored_donors.sort(key=lambda pair: -pair[0])
    texts: set[str] = set()
    for score, donor in scored_donors[:_MAX_STATEMENTS]:
        for new, weight in adapted(site, donor, site_names)[:2]:
            if new in texts:
                continue
            texts.add(new)
            for after in (True, False):
                change = insertion(site, node, [new], after=after)
                if change:
                    note = (
                        f"add `{brief(new)}` {'behind' if after else 'before'} line {node.lineno}"
                    )
                    yield site.rewrite([change], "donor.statement", note, weight=score * weight)
