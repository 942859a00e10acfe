"""From a command that a person gave to what `go test` is told."""

from __future__ import annotations

import posixpath
import shlex
from dataclasses import dataclass

_KEPT = frozenset(("-tags", "-race", "-short", "-ldflags", "-gcflags", "-asmflags", "-mod", "-cpu"))
"""Options that say what is built or tested; all others say how it is shown, or which tests run."""
_WITH_VALUE = frozenset(
    (
        *("-tags", "-ldflags", "-gcflags", "-asmflags", "-mod", "-cpu", "-run", "-skip", "-bench"),
        *("-count", "-timeout", "-parallel", "-p", "-coverprofile", "-coverpkg", "-covermode"),
        *("-o", "-exec", "-vet", "-benchtime", "-fuzz", "-fuzztime", "-shuffle", "-list", "-C"),
        *("-outputdir", "-cpuprofile", "-memprofile", "-trace", "-modfile", "-overlay", "-pkgdir"),
    )
)
_ENDS = frozenset((";", "&&", "||", "|", "&"))


@dataclass(frozen=True, kw_only=True)
class GoTestCommand:
    """What a command asks `go test` for."""

    options: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    """Of packages, `…/...` with all below; empty for all."""

    def covers(self, folder: str) -> bool:
        """Whether the tests of a folder are asked for."""
        return not self.folders or any(_covers(place, folder) for place in self.folders)


def _covers(place: str, folder: str) -> bool:
    path, dots, _ = place.partition("...")
    top = posixpath.normpath(path or ".")
    top = "" if top == "." else top
    if not dots:
        return folder == top
    return not top or f"{folder}/".startswith(f"{top}/")


def go_test_command(text: str) -> GoTestCommand | None:
    """The `go test` in a command; None where it runs none."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";&|")
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        words = list(lexer)
    except ValueError:
        return None  # a quote that is not closed: the shell would not run it either
    for start in range(len(words) - 1):
        if posixpath.basename(words[start]) == "go" and words[start + 1] == "test":
            ends = [place for place in range(start, len(words)) if words[place] in _ENDS]
            return _of_words(words[start + 2 : min(ends, default=len(words))])
    return None


def _of_words(words: list[str]) -> GoTestCommand:
    options: list[str] = []
    folders: list[str] = []
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if word == "-args":
            break
        if not word.startswith("-"):
            folders.append(word)
            continue
        name, equals, _ = word.replace("--", "-", 1).partition("=")
        value = [queue.pop(0)] if name in _WITH_VALUE and not equals and queue else []
        if name in _KEPT:
            options.append("=".join([word, *value]))
    # A pattern that is no path names packages by their import path: all are run.
    are_paths = all(place.startswith(".") for place in folders)
    return GoTestCommand(options=tuple(options), folders=tuple(folders) if are_paths else ())
