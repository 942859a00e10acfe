"""The families of edits, one a file. Each has `propose(site)`, which yields drafts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from agent.proposers.search.ingredients.site import DraftEdit, Site
from agent.proposers.search.operators import (
    arithmetic,
    booleans,
    branches,
    calls,
    combined_values,
    comparison,
    conditions,
    constants,
    containers,
    definitions,
    donor_expressions,
    exceptions,
    missing_statements,
    names,
    slices,
    statements,
    strings,
    wrapping,
)

Family = Callable[[Site], Iterator[DraftEdit]]

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
    combined_values.propose,
    definitions.propose,
    donor_expressions.propose,
    branches.propose_values,
)
"""Asked for every expression of a statement."""

STATEMENT_FAMILIES: tuple[Family, ...] = (
    arithmetic.propose,
    statements.propose,
    conditions.propose,
    missing_statements.propose,
    exceptions.propose,
    combined_values.propose,
    definitions.propose,
    donor_expressions.propose,
    branches.propose,
)
"""Asked for the statement itself."""
