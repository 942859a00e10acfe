"""Answers that are patches: what the files are once they are applied."""

from __future__ import annotations

from agent.patches.changes import FileChange, ReadBase, diff_bytes
from agent.patches.unified_diff import PatchRefused, apply_diff


def is_diff(answer: str) -> bool:
    """Whether an answer is a unified diff, as repairs give it."""
    return answer.startswith(("diff --git ", "--- "))


def changes_of(diff: str, read_base: ReadBase) -> dict[str, FileChange]:
    """Path → bytes before and after. Raises PatchRefused."""
    return apply_diff(diff_bytes(diff), read_base)


def patched_file(diff: str, path: str, base: str) -> str:
    """The text of the one file that a patch may change. Raises PatchRefused."""
    content = base.encode()
    changes = changes_of(diff, {path: content}.get)
    new = changes.get(path, (content, content))[1]
    if set(changes) - {path} or new is None:
        raise PatchRefused(f"the patch changes more than {path}, or removes it")
    return new.decode("utf-8", "replace")
