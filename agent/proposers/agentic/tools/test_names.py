"""What people write to name tests, and the tests they mean."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass

from sandbox.runners.test_ids import contains, named_file

MAX_NEAR_NAMES = 5
_COMMAND_WORDS = frozenset({"pytest", "python", "python3", "unittest", "py.test"})
_BORDER = re.compile(r"::|/|\.|\s+")


@dataclass(frozen=True, kw_only=True)
class NamedTests:
    """The tests that an argument names."""

    ids: tuple[str, ...] = ()
    """Tests, or containers of tests as the runner takes them."""
    unknown: tuple[str, ...] = ()
    """Words that name no test."""
    options: tuple[str, ...] = ()
    """Options of a command line, which are left alone."""


def named_tests(
    argument: object, known: Sequence[str], is_file: Callable[[str], bool], workspace: str
) -> NamedTests:
    """Read `argument`: ids one a line, separated by spaces or commas, or a list of them. `known`
    are the tests of the project, `is_file` says of a path whether it is there now."""
    ids: dict[str, None] = {}
    unknown_words, options = [], []
    for word in _words(argument, frozenset(known)):
        if word.startswith("-"):
            options.append(word)
            continue
        plain_word = word.removeprefix(workspace.rstrip("/") + "/").removeprefix("./")
        matches = _meant(plain_word, known, is_file)
        ids.update(dict.fromkeys(matches))
        if not matches:
            unknown_words.append(word)
    return NamedTests(ids=tuple(ids), unknown=tuple(unknown_words), options=tuple(options))


def near_names(word: str, known: Sequence[str]) -> list[str]:
    """Tests whose names look like `word`, the likeliest first."""
    by_name: dict[str, str] = {}
    for test_id in known:
        by_name.setdefault(_parts(test_id)[-1], test_id)
    last = (_parts(word) or [word])[-1]
    close = difflib.get_close_matches(last, by_name, n=MAX_NEAR_NAMES, cutoff=0.5)
    partial_matches = [name for name in by_name if last and last in name and name not in close]
    return [by_name[name] for name in [*close, *partial_matches][:MAX_NEAR_NAMES]]


def _words(argument: object, known: Collection[str]) -> list[str]:
    if isinstance(argument, str) and argument.strip().startswith("["):
        with suppress(ValueError):
            argument = json.loads(argument)
    lines = argument if isinstance(argument, list) else str(argument or "").split("\n")
    words: list[str] = []
    for line in (str(line).strip() for line in lines):
        words += [line] if line in known else _split(line)
    first = next((i for i, word in enumerate(words) if word not in _COMMAND_WORDS), len(words))
    if first and words[first : first + 2] in (["-m", "pytest"], ["-m", "unittest"]):
        first += 2
    return words[first:]


def _split(line: str) -> list[str]:
    """Split at spaces and commas, but not within the brackets of parameters or within quotes."""
    words, word, depth, quote = [], "", 0, ""
    for character in line:
        if quote:
            quote = "" if character == quote else quote
            word += "" if not quote else character
        elif character in "'\"" and not depth and not word:
            quote = character
        elif character in " \t," and not depth:
            words.append(word)
            word = ""
        else:
            depth += (character == "[") - (character == "]" and depth > 0)
            word += character
    return [word for word in (*words, word) if word]


def _meant(word: str, known: Sequence[str], is_file: Callable[[str], bool]) -> list[str]:
    """Tests of this name: the id itself, a container, or the end or a middle part of ids."""
    bare = word.rstrip("/")
    if word in known:
        return [word]
    if any(contains(bare, name) or name.startswith((f"{bare}[", f"{bare}/")) for name in known):
        return [bare]
    parts, parameters = _parts(word), _parameters(word)
    matches = [
        name
        for name in known
        if parts and _holds(_parts(name), parts) and parameters in ("", _parameters(name))
    ]
    path = named_file(word)
    if not matches and path.endswith(".py") and is_file(path):
        return [word]  # a file that is new, or a test in one: the runner knows
    return matches


def _parts(name: str) -> list[str]:
    """`a/test_b.py::C::test_d[1]` → `a`, `test_b`, `C`, `test_d`."""
    parts = _BORDER.split(name.partition("[")[0].replace(".py", ""))
    return [part for part in parts if part]


def _parameters(name: str) -> str:
    _, bracket, parameters = name.partition("[")
    return bracket + parameters


def _holds(parts: Sequence[str], wanted: Sequence[str]) -> bool:
    length = len(wanted)
    return any(parts[at : at + length] == wanted for at in range(len(parts) - length + 1))
