"""Files of the form that dotenv reads: `NAME=VALUE` on each line."""

from __future__ import annotations

import re

_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*)")
_REFERENCE = re.compile(r"\$\{(\w+)(?::-([^{}]*))?\}")
_QUOTED = re.compile(r"""'([^']*)'|"((?:[^"\\]|\\.)*)\"""")


def env_file(text: str) -> dict[str, str]:
    """Return the variables of such a text; what cannot be resolved is left out."""
    variables: dict[str, str] = {}
    for line in text.splitlines():
        match = _LINE.match(line)
        value = _value(match[2], variables) if match else None
        if match and value is not None:
            variables[match[1]] = value
    return variables


def _value(text: str, variables: dict[str, str]) -> str | None:
    match = _QUOTED.match(text)
    if match and match[1] is not None:
        return match[1]
    if match:
        value = re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t"}.get(m[1], m[1]), match[2])
    else:
        value = re.split(r"\s#|^#", text, maxsplit=1)[0].strip()
    value = _REFERENCE.sub(lambda m: variables.get(m[1], m[2] or ""), value)
    return None if "$(" in value else value
