"""The families of edits, one a file. Each has `propose(site)`, which yields drafts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from agent.proposers.search.operators import (
    arithmetic,
    booleans,
    calls,
    comparison,
    conditions,
    constants,
    containers,
    definitions,
    donated,
    exceptions,
    forms,
    missing,
    names,
    slices,
    statements,
    strings,
    wrapping,
)
from agent.proposers.search.site import Draft, Site

Family = Callable[[Site], Iterator[Draft]]

EXPRESSION_FAMILIES: tuple[Family, ...] = (
    comparison.propose,
    arithmetic.propose,
    booleans.propose,
    booleans.force,
    constants.propose,
    strings.propose,
    containers.propose,
    slices.propose,
    names.propose,
    calls.propose,
    wrapping.propose,
    forms.propose,
    definitions.propose,
    donated.propose,
)
"""Asked for every expression of a statement."""

STATEMENT_FAMILIES: tuple[Family, ...] = (
    arithmetic.propose,
    statements.propose,
    conditions.propose,
    missing.propose,
    exceptions.propose,
    forms.propose,
    definitions.propose,
    donated.propose,
)
"""Asked for the statement itself."""
