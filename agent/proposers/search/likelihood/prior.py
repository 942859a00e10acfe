"""How likely an edit is to be the fix of a statement.

Where it starts from is literature (`SHARES`); `learned` corrects that and weighs the features of
each edit, fitted to fixes in public repositories.

Sources of the shares, per cent of fixes (they overlap, so only their order of size is used):

- ManySStuBs4J (Karampatsis & Sutton, MSR 2020; 153,652 single-statement Java fixes): another
  identifier 12.8, another function name 5.8, numeric literal 4.5, more arguments 3.0, binary
  operator 1.1, less or more specific `if` 0.8 / 0.7, wrong caller 0.7, boolean literal 0.7,
  swapped arguments 0.5.
- Defects4J dissection (Sobreira et al., SANER 2018; 395 patches): conditional block 42.8,
  expression 32.9, wraps-with 27.3, wrong reference 17.7, missing null check 12.7, constant 4.8,
  moved code 1.8.
- Barr et al., FSE 2014: 43 of the lines of a commit stand in its parent already.
- Tan et al., FSE 2016 (anti-patterns): deleting an exit or a trivial condition passes the
  tests far more often than it is right, hence the low shares of those.
"""

from __future__ import annotations

import ast
import math
from collections import defaultdict
from collections.abc import Sequence
from operator import mul

from agent.proposers.search.ingredients.project_context import ProjectContext
from agent.proposers.search.ingredients.site import DraftEdit
from agent.proposers.search.likelihood import learned_weights
from agent.proposers.search.likelihood.features import FEATURE_NAMES, Surroundings
from agent.source.module import Module

MIN_WEIGHT = 1e-6
SHARES: dict[str, float] = {
    # ManySStuBs4J: binary operator 1.1, of which comparisons about half; boundaries first.
    "comparison.boundary": 2.0,
    "comparison.negate": 0.8,
    "comparison.operator": 0.8,
    "comparison.shift": 0.8,
    "comparison.swap": 0.2,
    "comparison.chain": 0.2,
    # ManySStuBs4J: binary operator 1.1; TBar: operator mutation.
    "arithmetic.operator": 1.0,
    "arithmetic.augmented": 0.5,
    "arithmetic.assign": 0.15,
    "arithmetic.drop": 0.7,
    "arithmetic.swap": 0.3,
    "arithmetic.group": 0.5,
    "arithmetic.sign": 0.3,
    "arithmetic.negate": 0.3,
    "arithmetic.shift": 1.0,
    # ManySStuBs4J: less / more specific `if` 0.8 / 0.7; Defects4J: conditional expression changed.
    "boolean.operator": 0.6,
    "condition.drop": 1.0,
    "condition.negate": 0.8,
    "condition.unnegate": 0.8,
    "condition.ternary": 0.4,
    "condition.and": 2.0,
    "condition.or": 1.6,
    "condition.loop": 0.6,
    "condition.elif": 0.5,
    # Defects4J: conditional block 42.8, missing null check 12.7: many forms, hence many drafts.
    "branch.add": 1.5,
    "comparison.extend": 0.6,
    "flag.add": 0.3,
    "condition.introduce": 2.5,
    "guard.exit": 3.0,
    # A probe, not a fix of first choice (trivial conditions are an anti-pattern).
    "condition.force": 0.05,
    # ManySStuBs4J: numeric literal 4.5, boolean literal 0.7.
    "constant.step": 2.0,
    "constant.number": 1.5,
    "constant.truth": 1.0,
    "constant.empty": 0.8,
    "constant.attribute": 0.8,
    # Numeric literals in subscripts and ranges are part of the 4.5 above.
    "index.step": 1.2,
    "index.end": 0.6,
    "index.negate": 0.1,
    "index.slice": 0.2,
    "index.drop": 0.3,
    "slice.step": 1.2,
    "slice.drop": 0.4,
    "slice.negate": 0.3,
    "slice.bound": 0.6,
    "slice.move": 0.5,
    "slice.reverse": 0.2,
    "range.step": 1.5,
    "range.start": 0.5,
    "range.reverse": 0.2,
    "range.sequence": 0.1,
    "range.by": 0.2,
    # ManySStuBs4J: identifier 12.8; Defects4J: wrong reference 17.7.
    "name.variable": 10.0,
    "name.target": 0.8,
    "name.own": 1.0,
    "name.local": 1.0,
    "name.attribute": 1.5,
    "attribute.other": 3.0,
    "attribute.drop": 0.6,
    # ManySStuBs4J: function name 5.8, more arguments 3.0, caller 0.7, swapped arguments 0.5.
    "call.callee": 5.0,
    "call.add": 3.0,
    "call.drop": 0.8,
    "call.swap": 1.0,
    "call.unwrap": 1.0,
    "call.uncall": 0.2,
    "call.receiver": 0.7,
    # Defects4J: wraps-with 27.3, of which method calls a small part.
    "wrap.builtin": 2.5,
    "wrap.call": 1.2,
    "wrap.narrow": 0.3,
    "wrap.widen": 0.2,
    # Defects4J: moved code 1.8; removals pass the tests more often than they are right.
    "statement.remove": 0.8,
    "statement.remove_exit": 0.15,
    "statement.unwrap": 0.4,
    "statement.swap": 0.6,
    "statement.out": 0.8,
    "statement.into": 0.4,
    "statement.jump": 0.6,
    # TBar: missed statement; SPR: insert initialisation.
    "statement.missing": 2.0,
    "statement.again": 1.0,
    # Defects4J: wrong reference 17.7; TBar: literal -> expression, conditional expression changed.
    "value.name": 3.0,
    "value.join": 2.0,
    "value.slice": 1.0,
    "value.default": 0.8,
    "value.choose": 0.8,
    "value.store": 0.5,
    "value.extreme": 0.4,
    "return.add": 0.7,
    "condition.replace": 1.2,
    # Defects4J: constant 4.8; TBar: literal mutation.
    "string.other": 1.5,
    "string.mend": 3.0,
    "string.drop": 0.5,
    "pattern.change": 4.0,
    # Defects4J: expression 32.9, of which elements of literals a small part.
    "element.add": 1.0,
    "entry.add": 1.0,
    "element.drop": 0.3,
    "element.swap": 0.5,
    "element.get": 0.6,
    "comprehension.filter": 0.7,
    "comprehension.unfilter": 0.3,
    # Not in the Java sets; BugsInPy and TBar name them without figures, so they stay small.
    "decorator.add": 0.3,
    "decorator.drop": 0.3,
    "parameter.add": 0.5,
    "await.add": 1.5,
    "await.drop": 0.4,
    "yield.form": 0.4,
    # Defects4J: exception handling 4.
    "exception.extend": 3.0,
    "exception.type": 1.5,
    "exception.try": 0.7,
    "exception.translate": 1.5,
    # Barr et al.: donors in the same file.
    "donor.expression": 5.0,
    "donor.statement": 2.5,
}


def log_parts(drafts: Sequence[DraftEdit]) -> list[float]:
    """For each draft the log of its part in the weights of its operator's drafts."""
    sums: dict[str, float] = defaultdict(float)
    for draft in drafts:
        sums[draft.operator] += max(draft.weight, MIN_WEIGHT)
    return [math.log(max(draft.weight, MIN_WEIGHT) / sums[draft.operator]) for draft in drafts]


def shares(
    drafts: Sequence[DraftEdit],
    module: Module,
    statement: ast.stmt | ast.excepthandler,
    context: ProjectContext,
) -> list[float]:
    """The estimated chance of each draft to be the fix of its statement; together 1."""
    if not drafts:
        return []
    around = Surroundings(module, statement, context)
    constants = {
        operator: math.log(SHARES[operator]) + learned_weights.OPERATORS.get(operator, 0.0)
        for operator in {draft.operator for draft in drafts}
    }
    weights = [learned_weights.WEIGHTS.get(name, 0.0) for name in FEATURE_NAMES]
    utilities = [
        constants[draft.operator] + sum(map(mul, weights, [part, *around.of(draft)]))
        for draft, part in zip(drafts, log_parts(drafts), strict=True)
    ]
    maximum = max(utilities)
    chances = [math.exp(utility - maximum) for utility in utilities]
    total = sum(chances)
    return [chance / total for chance in chances]
