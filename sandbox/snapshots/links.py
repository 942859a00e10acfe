"""Which symbolic links of a tree stay inside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sandbox.snapshots.tarball import parents

_MAX_LINK_STEPS = 40
"""Links followed for one path, as Linux does; more is a loop."""


def keep_inside(links: Mapping[str, str], files: Iterable[str]) -> set[str]:
    """Return the links that lead to a file or folder of the tree, other links followed.

    `links` maps a path to what is written in the link; absolute targets never stay inside.
    """
    present = set(files)
    for path in list(present):
        present.update(parents(path))
    return {path for path in links if _resolves(path, links, present)}


def _resolves(path: str, links: Mapping[str, str], present: set[str]) -> bool:
    stack = path.split("/")[::-1]
    resolved_parts: list[str] = []
    steps = 0
    while stack:
        part = stack.pop()
        if part in ("", "."):
            continue
        if part == "..":
            if not resolved_parts:
                return False
            resolved_parts.pop()
            continue
        resolved_parts.append(part)
        target = links.get("/".join(resolved_parts))
        if target is None:
            continue
        steps += 1
        if target.startswith("/") or steps > _MAX_LINK_STEPS:
            return False
        resolved_parts.pop()
        stack.extend(reversed(target.split("/")))
    return not resolved_parts or "/".join(resolved_parts) in present
