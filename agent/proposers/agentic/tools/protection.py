"""Files that the model may not change: what a command did to them is taken back at once."""

from __future__ import annotations

from collections.abc import Callable

from agent.proposers.agentic.tools.working_copy import WorkingTree

MAX_TOLD_PATHS = 8

Refusal = Callable[[str, bytes | None], str]
"""Path and its new content → why that change is refused; empty where it is not."""


def nothing_refused(_path: str, _content: bytes | None) -> str:
    return ""


def take_back(tree: WorkingTree, refusal: Refusal) -> str:
    """Bring refused changes of the working copy back to the base, and say which; empty where
    there is none."""
    lines = []
    for path, (base, now) in tree.changes().items():
        sentence = refusal(path, now)
        if not sentence:
            continue
        if base is None:
            tree.remove(path)
        else:
            tree.write(path, base)
        lines.append(f"\n- {sentence}")
    if not lines:
        return ""
    more = f"\n- and {len(lines) - MAX_TOLD_PATHS} more" if len(lines) > MAX_TOLD_PATHS else ""
    return f"Taken back, no patch may change it:{''.join(lines[:MAX_TOLD_PATHS])}{more}"
