"""Patterns of files as test runners take them: `test/**/*.spec.{js,ts}`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from fnmatch import fnmatchcase

MAX_ALTERNATIVES = 64
MAX_PATTERN_CHARACTERS = 500
"""A longer one matches nothing: it is no pattern that a person wrote."""
_MAGIC = re.compile(r"[*?\[{]")
_EXTENDED = re.compile(r"[@+?*!]\(([^()]*)\)")


def is_pattern(text: str) -> bool:
    return _MAGIC.search(text) is not None


def matching(patterns: Iterable[str], paths: Collection[str]) -> list[str]:
    """The paths that some pattern matches, sorted; `node_modules` is never looked into."""
    globs = [
        _without_doubles(part.split("/"))
        for pattern in patterns
        if len(pattern) <= MAX_PATTERN_CHARACTERS
        for part in _alternatives(pattern)
    ]
    return sorted(
        path
        for path in paths
        if "node_modules/" not in path and any(_fits(path.split("/"), glob) for glob in globs)
    )


def _alternatives(pattern: str) -> list[str]:
    """Without braces: `a.{js,ts}` is `a.js` and `a.ts`."""
    # An extended pattern stands for at least as much.
    stack = [_EXTENDED.sub("*", pattern).removeprefix("./").replace("[^", "[!")]
    alternatives: list[str] = []
    while stack and len(alternatives) + len(stack) <= MAX_ALTERNATIVES:
        text = stack.pop()
        match = re.search(r"\{([^{}]*)\}", text)
        if match is None:
            alternatives.append(text)
            continue
        stack += [
            text[: match.start()] + choice + text[match.end() :] for choice in match[1].split(",")
        ]
    return alternatives


def _without_doubles(parts: Sequence[str]) -> list[str]:
    return [
        part
        for number, part in enumerate(parts)
        if part != "**" or number == 0 or parts[number - 1] != "**"
    ]


def _fits(path: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether folders and name match, `**` for any number of folders; in a time that the product of
    both lengths bounds."""
    positions = {0}
    for part in pattern:
        if part == "**":
            positions = set(range(min(positions), len(path) + 1)) if positions else set()
        else:
            positions = {n + 1 for n in positions if n < len(path) and fnmatchcase(path[n], part)}
    return len(path) in positions
