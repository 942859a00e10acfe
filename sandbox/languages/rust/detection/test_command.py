"""From a command that a person gave to what `cargo test` is told."""

from __future__ import annotations

import posixpath
import shlex
from dataclasses import dataclass

_KEPT = frozenset(
    (
        *("--features", "-F", "--all-features", "--no-default-features", "--release", "-r"),
        *("--profile", "--package", "-p", "--exclude"),
    )
)
"""Options that say what is built; all others say how it is shown, or which tests run."""
_WITH_VALUE = frozenset(
    (
        *("--features", "-F", "--profile", "--package", "-p", "--exclude", "--bin", "--example"),
        *("--test", "--bench", "--target", "--target-dir", "--manifest-path", "--jobs", "-j"),
        *("--message-format", "--color", "--config", "-Z", "-E", "--filter-expr", "--retries"),
        *("--test-threads", "-C"),
    )
)
_ENDS = frozenset((";", "&&", "||", "|", "&"))


@dataclass(frozen=True, kw_only=True)
class CargoTestCommand:
    """What a command asks `cargo test` for."""

    options: tuple[str, ...] = ()


def cargo_test_command(text: str) -> CargoTestCommand | None:
    """The `cargo test` or `cargo nextest run` in a command; None where it runs none."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";&|")
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        words = list(lexer)
    except ValueError:
        return None  # a quote that is not closed: the shell would not run it either
    for place in range(len(words) - 1):
        if posixpath.basename(words[place]) != "cargo":
            continue
        start = place + 2 if words[place + 1].startswith("+") else place + 1
        verb = words[start : start + 2]
        if verb[:1] in (["test"], ["t"]) or verb == ["nextest", "run"]:
            ends = [end for end in range(start, len(words)) if words[end] in _ENDS]
            return _of_words(words[start + 1 : min(ends, default=len(words))])
    return None


def _of_words(words: list[str]) -> CargoTestCommand:
    options: list[str] = []
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if word == "--":
            break
        if not word.startswith("-"):
            continue
        name, equals, _ = word.partition("=")
        value = [queue.pop(0)] if name in _WITH_VALUE and not equals and queue else []
        if name in _KEPT:
            options += [word, *value]
    return CargoTestCommand(options=tuple(options))
