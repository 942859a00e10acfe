"""Values of tox and hatch with references in braces, `{toxinidir}` or `{[section]key}`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

WORKSPACE = "{workspace}"
"""Stands for the project's folder in the value of a variable, see `sandbox.base.Environment`."""
MAX_VALUE_CHARACTERS = 64 * 1024
_MAX_ROUNDS = 50
_INNERMOST = re.compile(r"\{([^{}\n]*)\}")
_REFERENCE = re.compile(r"[\w\[\]:/.-]*")
_MARKS = {WORKSPACE: "\0workspace\0", r"\{": "\0open", r"\}": "\0close"}

Section = Callable[[str, str], str | None]
"""From a section and a key to the text there."""


def substituted(text: str, names: Mapping[str, str], section: Section | None = None) -> str | None:
    """Return the text with its references resolved; None where one cannot be.

    `{env:NAME:default}` gives the default: no variable of this machine is looked at.
    """
    text = text.replace("\0", "").replace(r"\{", _MARKS[r"\{"]).replace(r"\}", _MARKS[r"\}"])
    for _ in range(_MAX_ROUNDS):
        match = _INNERMOST.search(text)
        if match is None or len(text) > MAX_VALUE_CHARACTERS:
            break
        value = _resolved(match[1], names, section)
        if value is None:
            return None
        value = value.replace(WORKSPACE, _MARKS[WORKSPACE])
        text = text[: match.start()] + value + text[match.end() :]
    if _INNERMOST.search(text):
        return None  # a circle, or far too much
    text = text.replace(_MARKS[WORKSPACE], WORKSPACE)
    return text.replace(_MARKS[r"\{"], "{").replace(_MARKS[r"\}"], "}")


def _resolved(reference: str, names: Mapping[str, str], section: Section | None) -> str | None:
    if reference in names:
        return names[reference]
    if not _REFERENCE.fullmatch(reference.partition(":")[0]):
        return _MARKS[r"\{"] + reference + _MARKS[r"\}"]  # JSON, say
    if reference.startswith("env:"):
        return reference.removeprefix("env:").partition(":")[2]
    match = re.fullmatch(r"\[([^\[\]]+)\]([\w-]+)", reference)
    return section(match[1], match[2]) if match and section is not None else None
