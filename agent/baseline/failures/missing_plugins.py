"""Failures for want of a plugin of pytest: what pytest says without it."""

from __future__ import annotations

import re

from sandbox.languages.python.environments.known_plugins import FIXTURES, MARKERS

_ASYNC = "async def functions are not natively supported"
_FIXTURE = re.compile(r"fixture '(\w+)' not found")
_MARKER = re.compile(r"'(\w+)' not found in `markers` configuration option")


def missing_plugin(text: str) -> str | None:
    """Say which plugin is missing, where a message of pytest tells; None for any other text."""
    if _ASYNC in text:
        return _sentence("to run `async def` tests", "pytest-asyncio, anyio or pytest-trio")
    for pattern, kind, plugins in ((_FIXTURE, "fixture", FIXTURES), (_MARKER, "marker", MARKERS)):
        match = pattern.search(text)
        if match and match[1] in plugins:
            return _sentence(f"for the {kind} `{match[1]}`", plugins[match[1]])
    return None


def _sentence(purpose: str, plugin: str) -> str:
    return (
        f"a plugin of pytest is missing {purpose} ({plugin}); name it in the project's test "
        "requirements, or the command that installs it with --install"
    )
