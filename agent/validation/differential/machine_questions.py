"""What the patched functions ask of the machine and the base's do not.

All sandboxes are alike in much that no list names. A patch that is right only where such a mark
is found passes wherever it is tried; so what it newly asks the machine for is told with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from agent.patches.changes import FileChange
from agent.patches.constructs.unseen_questions import unseen_questions
from agent.source.trees import tree_of
from sandbox.languages.python.runners.split.messages import ON_IMPORT, MachineQuestions

INCOMPLETE = "more than could be watched"
"""What the guest says where a call did more than it follows."""
MAX_SHOWN = 5


def newly_asked(
    patch: MachineQuestions, base: MachineQuestions
) -> dict[tuple[str, str], frozenset[str]]:
    """Function → what it asks with the patch alone. What the base asks on import is known."""
    base_names = base.get(ON_IMPORT, set())
    new_names = {
        function: frozenset(names - base.get(function, set()) - base_names) | (names & {INCOMPLETE})
        for function, names in patch.items()
    }
    return {function: names for function, names in new_names.items() if names}


def joined(*parts: MachineQuestions) -> dict[tuple[str, str], frozenset[str]]:
    """What was asked in any of these runs."""
    functions = {function for part in parts for function in part}
    return {f: frozenset[str]().union(*(part.get(f, ()) for part in parts)) for f in functions}


def sentences_of(patch: MachineQuestions, base: MachineQuestions) -> Iterator[str]:
    """A caution that names what is newly asked; none where nothing is."""
    new = newly_asked(patch, base)
    names = sorted(frozenset[str]().union(*new.values()))
    if INCOMPLETE in names:
        names.remove(INCOMPLETE)
        yield "the change does more than could be watched: what it asks the machine is not known"
    if names:
        text = ", ".join(names[:MAX_SHOWN])
        more = f" and {len(names) - MAX_SHOWN} more" if len(names) > MAX_SHOWN else ""
        yield f"the change asks the machine for {text}{more}; the base does not"


def unseen_sentences(
    changes: Mapping[str, FileChange], reached: Collection[str], asked: MachineQuestions
) -> Iterator[str]:
    """A caution for each function that newly asks the machine by its text, and that nobody saw
    asking: no failing test comes to it. `reached` are names of functions without their class."""
    seen = frozenset[str]().union(*asked.values())
    for path, (old, new) in sorted(changes.items()):
        base_tree, patched_tree = tree_of(old or b""), tree_of(new)
        if not path.endswith(".py") or base_tree is None or patched_tree is None:
            continue
        for function, question in unseen_questions(base_tree, patched_tree, reached):
            if not any(name == question or name.startswith(f"{question}[") for name in seen):
                yield (
                    f"the change asks the machine for {question} in `{function}`, to which no"
                    " failing test comes"
                )
