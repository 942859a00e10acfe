"""Truncation of long tool output to head and tail; the full text is stored in the sandbox."""

from __future__ import annotations

from agent.proposers.agentic.tools.working_copy import WorkingTree

MAX_SHOWN_CHARACTERS = 12_000
HEAD_SHARE = 0.6


def cut(text: str, tree: WorkingTree, path: str, max_characters: int = MAX_SHOWN_CHARACTERS) -> str:
    """`text`, or its head and tail with a note where in the sandbox the whole of it lies."""
    if len(text) <= max_characters:
        return text
    note = f"The whole text is in {path}, {text.count(chr(10)) + 1} lines: read more with "
    note += f"`sed -n '100,200p' {path}`"
    try:
        tree.session.write(tree.absolute(path), text.encode("utf-8", "replace"))
    except OSError as error:  # the sandbox's disk is full: the model's own doing
        note = f"It could not be kept in the sandbox: {error.strerror}"
    head, tail = int(max_characters * HEAD_SHARE), max_characters - int(max_characters * HEAD_SHARE)
    left_out = len(text) - head - tail
    return f"{text[:head]}\n[… {left_out} characters left out. {note} …]\n{text[-tail:]}"
