"""Options of Node itself, without those that would run the tests otherwise."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.languages.javascript.detection.command_line import NODE_OPTIONS_WITH_VALUE

_NODE_DROPPED = ("--watch", "--inspect", "--experimental-test-coverage", "--prof", "--cpu-prof")


def node_options(options: Sequence[str]) -> tuple[str, ...]:
    """Those of Node itself, without what its own runner takes."""
    kept_options: list[str] = []
    queue = list(options)
    while queue:
        word = queue.pop(0)
        takes_value = word in NODE_OPTIONS_WITH_VALUE
        group = [word, *(queue[:1] if takes_value else [])]
        queue = queue[1:] if takes_value else queue
        if not word.startswith(("--test", *_NODE_DROPPED)):
            kept_options += group
    return tuple(kept_options)
