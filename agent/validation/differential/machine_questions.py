"""What the patched functions ask of the machine and the base's do not.

All sandboxes are alike in much that no list names. A patch that is right only where such a mark
is found passes wherever it is tried; so what it newly asks the machine for is told with it.
"""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.languages.python.runners.split import ON_IMPORT, Asked

INCOMPLETE = "more than could be watched"
"""What the guest says where a call did more than it follows."""
MAX_SHOWN = 5


def newly_asked(patch: Asked, base: Asked) -> dict[tuple[str, str], frozenset[str]]:
    """Function → what it asks with the patch alone. What the base asks on import is known."""
    known = base.get(ON_IMPORT, set())
    found = {
        function: frozenset(names - base.get(function, set()) - known) | (names & {INCOMPLETE})
        for function, names in patch.items()
    }
    return {function: names for function, names in found.items() if names}


def joined(*parts: Asked) -> dict[tuple[str, str], frozenset[str]]:
    """What was asked in any of these runs."""
    functions = {function for part in parts for function in part}
    return {f: frozenset[str]().union(*(part.get(f, ()) for part in parts)) for f in functions}


def sentences_of(patch: Asked, base: Asked) -> Iterator[str]:
    """A caution that names what is newly asked; none where nothing is."""
    new = newly_asked(patch, base)
    names = sorted(frozenset[str]().union(*new.values()))
    if INCOMPLETE in names:
        names.remove(INCOMPLETE)
        yield "the change does more than could be watched: what it asks the machine is not known"
    if names:
        shown = ", ".join(names[:MAX_SHOWN])
        more = f" and {len(names) - MAX_SHOWN} more" if len(names) > MAX_SHOWN else ""
        yield f"the change asks the machine for {shown}{more}; the base does not"
