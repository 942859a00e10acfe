"""Which symbolic links of a tree stay inside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sandbox.snapshots.tarball import parents

_MAX_STEPS = 40
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
    pending = path.split("/")[::-1]
    done: list[str] = []
    steps = 0
    while pending:
        part = pending.pop()
        if part in ("", "."):
            continue
        if part == "..":
            if not done:
                return False
            done.pop()
            continue
        done.append(part)
        target = links.get("/".join(done))
        if target is None:
            continue
        steps += 1
        if target.startswith("/") or steps > _MAX_STEPS:
            return False
        done.pop()
        pending.extend(reversed(target.split("/")))
    return not done or "/".join(done) in present
