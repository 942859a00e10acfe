"""Commands that run a script of other packages of a workspace: `npm test --workspace a`."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

_ALL = {
    "npm": frozenset(("--workspaces", "-ws")),
    "pnpm": frozenset(("-r", "--recursive")),
    "yarn": frozenset[str](),
}
"""Options of a package manager that mean all packages."""
_NAMES = {
    "npm": frozenset(("-w", "--workspace", "-C", "--prefix")),
    "pnpm": frozenset(("-F", "--filter", "-C", "--dir", "--prefix")),
    "yarn": frozenset(("--cwd",)),
}
"""Those before the name of one."""
_NAMES_OF_MANY = frozenset(("-F", "--filter", "--scope"))
_WITH_VALUE = frozenset[str]().union(_NAMES_OF_MANY, *_NAMES.values())
_STARTS = frozenset(("exec", "dlx", "x", "node"))
"""What stands behind these is a program with options of its own."""
_RUNS = frozenset(("run", "run-script", "run-many", "affected"))
_TEST = "test"
_SHORT = frozenset(("t", "tst"))
_TARGETS = frozenset(("-t", "--target", "--targets"))
_OF_MANY = frozenset(("lerna", "turbo", "nx"))


@dataclass(frozen=True, kw_only=True)
class Delegation:
    """Which packages a command runs a script of."""

    names: tuple[str, ...] = ()
    """As packages are called, or by their folders; empty for all."""
    script: str = _TEST


def delegation(program: str, arguments: Sequence[str]) -> Delegation | None:
    """What a command asks other packages for; None where it asks the one at the top, or is none
    of a package manager or of what runs many packages."""
    words = list(takewhile(lambda word: word != "--", arguments))
    if program == "yarn" and words[:1] == ["workspace"]:
        return Delegation(names=tuple(words[1:2]), script=_script(words[2:]))
    if program == "yarn" and words[:1] == ["workspaces"]:
        return Delegation(script=_script([word for word in words[1:] if word != "foreach"]))
    if program in _OF_MANY:
        names = _package_names(words, _NAMES_OF_MANY)
        return Delegation(names=names, script=_script(words))
    if program not in _NAMES or not _STARTS.isdisjoint(_without_options(words)[:1]):
        return None
    # Only npm reads its options wherever they stand; those behind a script are the script's.
    own_words = words if program == "npm" else _before_script(words)
    names = _package_names(own_words, _NAMES[program])
    is_for_all = not _ALL[program].isdisjoint(own_words) or words[:1] == ["recursive"]
    return Delegation(names=names, script=_script(words)) if names or is_for_all else None


def _before_script(words: Sequence[str]) -> Sequence[str]:
    """The words up to the first that is neither an option, nor the value of one, nor `run`."""
    for position, word in enumerate(words):
        is_value = position > 0 and words[position - 1] in _WITH_VALUE
        if not word.startswith("-") and not is_value and word not in (*_RUNS, "recursive"):
            return words[:position]
    return words


def _package_names(words: Sequence[str], options: frozenset[str]) -> tuple[str, ...]:
    return tuple(filter(None, map(_package_name, _values(words, options))))


def _values(words: Sequence[str], options: frozenset[str]) -> Iterator[str]:
    for position, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in options and equals:
            yield value
        elif word in options:
            yield from words[position + 1 : position + 2]


def _package_name(text: str) -> str:
    """`a` for `a...`, `...a`, `{./packages/a}`: what depends on it, or it on, is no other name."""
    name = text.strip().removeprefix("...").removesuffix("...").strip("^{}")
    return posixpath.normpath(name) if name.startswith(".") else name.rstrip("/")


def _script(words: Sequence[str]) -> str:
    """The script that is run: `test`, in its short forms, or what stands behind `run`."""
    named = list(_values(words, _TARGETS))
    if named:
        return named[0]
    plain_words = _without_options(words)
    behind = [plain_words[n + 1 :] for n, word in enumerate(plain_words) if word in _RUNS]
    tasks = behind[0] if behind else []
    script = _TEST if _TEST in tasks else (tasks or [_TEST])[0]
    return _TEST if script in _SHORT else script


def _without_options(words: Sequence[str]) -> list[str]:
    with_value = _WITH_VALUE | _TARGETS
    return [
        word
        for position, word in enumerate(words)
        if not word.startswith("-") and (position == 0 or words[position - 1] not in with_value)
    ]
