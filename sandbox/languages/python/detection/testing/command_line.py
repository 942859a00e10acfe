"""One command line of a shell, without what only decides where and how its program is started."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_QUOTED = re.compile(r"'[^']*'|\"[^\"$`\\]*\"")
_PYTHON = re.compile(r"(?:\S*/)?(?:python|pypy)[\d.]*")
_LAUNCHERS = frozenset(("uv", "poetry", "pdm", "pipenv", "hatch", "rye", "pixi"))
"""`LAUNCHER run COMMAND`: the environment that they would enter is ours here."""
_WRAPPERS = frozenset(("env", "time", "exec", "command", "xvfb-run", "dbus-run-session"))
_LAUNCHER_VALUES = frozenset(
    [
        *("--with", "--extra", "--group", "--only-group", "--python", "-p", "--env-file", "-e"),
        *("--directory", "--package", "--with-editable", "--with-requirements", "--index-url"),
    ]
)
_COVERAGE_VALUES = frozenset(
    ["--source", "--rcfile", "--omit", "--include", "--context", "--data-file", "--debug"]
)
_PYTHON_VALUES = frozenset(("-W", "-X", "--check-hash-based-pycs"))


@dataclass(frozen=True, kw_only=True)
class CommandLine:
    """A program and its arguments, and what stood around them."""

    words: tuple[str, ...]
    """`python -m NAME …` and `python FILE …` begin with `-m` and with the file."""
    folder: str = "."
    """Where it runs, relative to the project's top."""
    variables: tuple[tuple[str, str], ...] = ()


def command_lines(text: str, folder: str = ".") -> Iterator[CommandLine]:
    """The commands of a line in their order; none after one whose place is not known."""
    variables: list[tuple[str, str]] = []
    for words in _segments(text):
        if words[0] in ("cd", "pushd") and len(words) == 2:
            inner = _joined(folder, words[1])
            if inner is None:
                return
            folder = inner
        elif words[0] == "export":
            variables += _assignments(words[1:])
        else:
            pairs, command = _unwrapped(words)
            yield CommandLine(words=tuple(command), folder=folder, variables=(*variables, *pairs))


def only_command(text: str) -> CommandLine | None:
    """The command of a line that does nothing else: what a shell would have to do is None."""
    if re.search(r"[|<>$`*?]|(?<!&)&(?!&)", _QUOTED.sub("", text)):
        return None
    try:
        shlex.split(text)
    except ValueError:
        return None
    lines = list(command_lines(text))
    return lines[0] if len(lines) == 1 and lines[0].words else None


def _segments(text: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";&|<>")
    lexer.commenters = ""
    lexer.whitespace_split = True
    words: list[str] = []
    try:
        for token in lexer:
            if token and not set(token) - set(";&|"):
                if words:
                    yield words
                words = []
            else:
                words.append(token)
    except ValueError:  # a quotation that does not end
        return
    if words:
        yield words


def _joined(folder: str, inner: str) -> str | None:
    """The folder inside another; None where it leads out of the project."""
    parts: list[str] = [] if folder == "." else folder.split("/")
    for part in PurePosixPath(inner).parts:
        if part == "/" or (part == ".." and not parts) or "$" in part:
            return None
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts) or "."


def _assignments(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    for word in words:
        if _ASSIGNMENT.match(word):
            name, _, value = word.partition("=")
            yield name, value


def _unwrapped(words: list[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Variables that stand before the program, and the program with its arguments."""
    variables: list[tuple[str, str]] = []
    command = list(words)
    for _ in range(10):
        if not command:
            break
        first = command[0]
        name = PurePosixPath(first).name
        if _ASSIGNMENT.match(first):
            variables += _assignments(command[:1])
            command = command[1:]
        elif name in _WRAPPERS:
            command = _without_options(command[1:], frozenset())
        elif name in _LAUNCHERS and command[1:2] == ["run"]:
            command = _without_options(command[2:], _LAUNCHER_VALUES)
        elif name == "coverage" and command[1:2] == ["run"]:
            command = ["python", *_without_options(command[2:], _COVERAGE_VALUES)]
        elif _PYTHON.fullmatch(first):
            command = _without_options(command[1:], _PYTHON_VALUES)
            if command[:2] != ["-m", "coverage"]:
                break
            command = command[1:]
        else:
            break
    return variables, command


def _without_options(words: list[str], take_a_value: frozenset[str]) -> list[str]:
    """What follows the options; `-m NAME` is what is run."""
    while words and words[0].startswith("-") and words[0] != "-m":
        ends = words[0] == "--"
        words = words[2:] if words[0] in take_a_value else words[1:]
        if ends:
            break
    return words
