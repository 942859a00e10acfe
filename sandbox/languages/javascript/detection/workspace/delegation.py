"""Commands that run a script of other packages of a workspace: `npm test --workspace a`."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

_ALL = frozenset(("--workspaces", "-ws", "-r", "--recursive", "-A", "--all"))
_NAMES = frozenset(("-w", "--workspace", "-F", "--filter", "--scope", "-C", "--dir", "--prefix"))
_NAMES_OF_YARN = frozenset(("--cwd",))
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
    names = tuple(filter(None, map(_package_name, _values(words, _names_of(program)))))
    if program in _OF_MANY:
        return Delegation(names=names, script=_script(words))
    if program not in ("npm", "pnpm", "yarn"):
        return None
    is_for_all = not _ALL.isdisjoint(words) or words[:1] == ["recursive"]
    return Delegation(names=names, script=_script(words)) if names or is_for_all else None


def _names_of(program: str) -> frozenset[str]:
    return _NAMES_OF_YARN if program == "yarn" else _NAMES


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
    with_value = _NAMES | _NAMES_OF_YARN | _TARGETS
    return [
        word
        for position, word in enumerate(words)
        if not word.startswith("-") and (position == 0 or words[position - 1] not in with_value)
    ]
