"""A user of its own for each session: the kernel counts some things by user, whatever the sandbox.

Inotify instances and pages in pipes are the ones that matter: with one user for all, one session
takes them from every other.
"""

from __future__ import annotations

import functools
import secrets
from pathlib import Path

LARGE_NAMESPACE_UIDS = range(1_900_000, 2_097_000)
"""Above the users of people and services, and as high as an old tar header can say."""
SMALL_NAMESPACE_UIDS = range(10_000, 60_000)
"""Where a machine or an engine knows only 65,536 users, as in a container without root."""


def new_uid(users: range) -> int:
    """Pick a user id for a sandbox at random: two sessions at once rarely share it."""
    return users[secrets.randbelow(len(users))]


@functools.cache
def users_here() -> range:
    """Return the users that this process can give to others, being root."""
    try:
        lines = Path("/proc/self/uid_map").read_text().splitlines()
    except OSError:
        return SMALL_NAMESPACE_UIDS
    maps = [(int(start), int(count)) for start, _, count in map(str.split, lines)]
    wide = any(
        start <= LARGE_NAMESPACE_UIDS.start and LARGE_NAMESPACE_UIDS.stop <= start + count
        for start, count in maps
    )
    return LARGE_NAMESPACE_UIDS if wide else SMALL_NAMESPACE_UIDS
