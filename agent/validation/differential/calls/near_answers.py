"""Answers near the failing tests' own calls that a patch answers otherwise than the base.

There the repair is: a patch that answers every near neighbour of such a call as before may fit
that one input alone. Calls which both answer alike, and those of passing tests, say nothing of it.
"""

from __future__ import annotations

from collections.abc import Sequence

Answers = tuple[str | None, str | None]
"""Of base and patch, as text; None where it cannot be compared."""


def unchanged_near(places: Sequence[int], answers: Sequence[Answers]) -> int:
    """How many neighbours of calls that are answered otherwise were compared, where each of them
    is answered as before; 0 where one is not. `places` are those of `near_calls`, and `answers`
    what was given for them, as far as there was time."""
    comparisons = [
        (n, base == patch)
        for n, (base, patch) in enumerate(answers)
        if base is not None and patch is not None
    ]
    repaired_places = {n for n, is_same in comparisons if places[n] == n and not is_same}
    near = [
        is_same for n, is_same in comparisons if places[n] != n and places[n] in repaired_places
    ]
    return len(near) if all(near) else 0
