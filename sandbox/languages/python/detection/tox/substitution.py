"""Values with references in braces, `{toxinidir}` or `{[section]key}`: of tox, and of hatch.

https://tox.wiki/en/stable/config.html#substitutions
"""

from __future__ import annotations

import re
from collections.abc import Mapping

WORKSPACE = "{workspace}"
"""Stands for the project's folder in the value of a variable, see `sandbox.base.Environment`."""
TOX_NAMES = {
    **dict.fromkeys(("toxinidir", "tox_root", "package_root", "setupdir"), WORKSPACE),
    **{"envname": "py", "env_name": "py", "posargs": "", ":": ":", "/": "/", "": ""},
}
"""What means the same in every setting of tox."""
_MAX_CHARACTERS = 64 * 1024
_MAX_ROUNDS = 50
_MAX_SECTION_DEPTH = 10
_SECTION = re.compile(r"\{\[([^\]{}]+)\]([\w.-]+)\}")
_INNERMOST = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"[\w\[\]/.-]*")
_MARKS = {WORKSPACE: "\0workspace\0", r"\{": "\0open", r"\}": "\0close"}

Sections = Mapping[str, Mapping[str, str]]
"""Of an INI file; keys are in lower case."""


def with_sections(text: str, sections: Sections) -> str:
    """Return the text with what it refers to in other sections; a reference to nothing, in a
    circle, or to far too much, stays as it is."""
    for _ in range(_MAX_SECTION_DEPTH):
        room = _MAX_CHARACTERS - len(text)

        def inserted(match: re.Match[str]) -> str:
            nonlocal room
            value = _in_section(sections.get(match[1], {}), match[2].lower())
            room -= len(value or "")
            return match[0] if value is None or room < 0 else value

        new_text = _SECTION.sub(inserted, text)
        if new_text == text:
            break
        text = new_text
    return text


def _in_section(section: Mapping[str, str], key: str) -> str | None:
    twin = {"setenv": "set_env", "set_env": "setenv"}.get(key, key)
    return section.get(key, section.get(twin))


def substituted(
    text: str,
    names: Mapping[str, str],
    variables: Mapping[str, str] | None = None,
    unknown: str | None = None,
) -> str | None:
    """Return the text with its references resolved, what cannot be known here as `unknown`; None
    where that is None, or the text too large.

    `{env:NAME:default}` is of `variables`, else the default: no variable of this machine is
    looked at. `{posargs:default}` gives the default.
    """
    text = text.replace("\0", "").replace(r"\{", _MARKS[r"\{"]).replace(r"\}", _MARKS[r"\}"])
    for _ in range(_MAX_ROUNDS):
        match = _INNERMOST.search(text)
        if match is None or len(text) > _MAX_CHARACTERS:
            break
        value = _resolved(match[1], names, variables or {}, unknown)
        if value is None:
            return None
        value = value.replace(WORKSPACE, _MARKS[WORKSPACE])
        text = text[: match.start()] + value + text[match.end() :]
    if _INNERMOST.search(text):
        return None
    text = text.replace(_MARKS[WORKSPACE], WORKSPACE)
    return text.replace(_MARKS[r"\{"], "{").replace(_MARKS[r"\}"], "}")


def _resolved(
    reference: str, names: Mapping[str, str], variables: Mapping[str, str], unknown: str | None
) -> str | None:
    if reference in names:
        return names[reference]
    name, _, argument = reference.partition(":")
    if not _NAME.fullmatch(name):
        return _MARKS[r"\{"] + reference + _MARKS[r"\}"]  # JSON, say
    if name == "env":
        variable, _, default = argument.partition(":")
        return variables.get(variable, default)
    return argument if name == "posargs" else unknown
