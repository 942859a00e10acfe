"""Which version of what an environment holds. A project rarely pins all that it needs, and its
build's own tools hardly ever: what an index gave on that day is written down."""

from __future__ import annotations

from sandbox.base import Session
from sandbox.host.untrusted_json import Malformed, last_line, read_json

# A wheel names what made it, and `direct_url.json` tells a build of ours from one of an index.
_SCRIPT = r"""
import json
from importlib import metadata
rows = []
for distribution in metadata.distributions():
    lines = (distribution.read_text("WHEEL") or "").splitlines()
    tools = [line[10:].strip() for line in lines if line.startswith("Generator:")]
    is_built_here = distribution.read_text("direct_url.json")
    rows.append([distribution.metadata["Name"], distribution.version,
        tools[0] if tools and is_built_here else ""])
print(json.dumps(rows[:1000]))
"""
_SECONDS = 60.0
_MAX_PACKAGES = 500
_MAX_CHARACTERS = 200


def installed_packages(session: Session, python: str) -> tuple[str, ...]:
    """`NAME==VERSION` of each distribution, sorted; `NAME==VERSION (built by TOOL VERSION)` for
    what was built from a folder or a URL. Empty where the interpreter does not tell.

    Code of the project may have run in the environment: it is what the environment says of itself.
    """
    result = session.run([python, "-I", "-c", _SCRIPT], timeout_seconds=_SECONDS, cwd="/")
    try:
        rows = read_json(last_line(result.stdout), _is_list) if result.ok else []
    except Malformed:
        return ()
    lines = {_line(row) for row in rows if _is_row(row)}
    return tuple(sorted(lines, key=str.lower)[:_MAX_PACKAGES])


def _is_list(rows: object) -> bool:
    return isinstance(rows, list)


def _is_row(row: object) -> bool:
    return isinstance(row, list) and len(row) == 3 and all(isinstance(part, str) for part in row)


def _line(row: list[str]) -> str:
    name, version, tool = (part[:_MAX_CHARACTERS] for part in row)
    return f"{name}=={version}" + (f" (built by {tool})" if tool else "")
