"""From a script of package.json to the programs that it starts, without a shell."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from sandbox.languages.javascript.detection.workspace.delegation import delegation

MAX_DEPTH = 5
"""Scripts that call scripts."""
MAX_SCRIPTS = 500
"""Looked at in all: a script may call many that call many."""
MAX_SCRIPT_CHARACTERS = 5_000
"""A longer one is not read: no person wrote it."""
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_ENDS = frozenset(("&&", "||", ";", "|", "&"))
_MANAGERS = frozenset(("npm", "yarn", "pnpm", "bun"))
_RUNS_BINARY = frozenset(("npx", "pnpx", "bunx"))
_MANY = frozenset(("run-s", "run-p", "npm-run-all", "npm-run-all2"))
_WRAPPERS = {
    "cross-env": (),
    "cross-env-shell": (),
    "env": (),
    "nyc": ("--reporter", "-r", "--cwd", "--temp-dir", "-t", "--include", "--exclude", "-x", "-n"),
    "c8": ("--reporter", "-r", "--temp-directory", "--include", "--exclude", "-x", "-n", "-o"),
    "dotenv": ("-e", "-c", "-v"),
}
"""Programs that start the one behind them → their options that take a value."""
FRAMEWORK_PROGRAMS = frozenset(("mocha", "jest", "vitest"))
"""Those that are installed as a package and named as it is."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """One program with its arguments, as a script starts it."""

    program: str
    """Its name alone: `mocha` for `./node_modules/.bin/mocha`."""
    arguments: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    file: str = ""
    """With `node`: the file that it runs, where that is no tool."""
    node_options: tuple[str, ...] = ()


def commands_in(script: str, scripts: Mapping[str, str]) -> Iterator[Command]:
    """The commands that a script comes to, in their order. What needs a shell is passed over."""
    return _commands(script, scripts, 0, iter(range(MAX_SCRIPTS)))


def _commands(
    script: str, scripts: Mapping[str, str], depth: int, turns: Iterator[int]
) -> Iterator[Command]:
    """`turns` are those that are left for all scripts together."""
    if depth > MAX_DEPTH or len(script) > MAX_SCRIPT_CHARACTERS or next(turns, None) is None:
        return
    for words in _parts(script):
        variables, words = _assignments(words)
        words, more = _unwrapped(words)
        if not words:
            continue
        if delegation(_name(words[0]), words[1:]) is not None:
            yield Command(program=_name(words[0]), arguments=tuple(words[1:]))
            continue
        for name in _called(words):
            for inner in _commands(scripts.get(name, ""), scripts, depth + 1, turns):
                yield replace(inner, variables=(*variables, *more, *inner.variables))
        command = _command(words)
        if command is not None:
            yield replace(command, variables=(*variables, *more))


def _parts(script: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(script, posix=True, punctuation_chars=";&|")
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    try:
        for word in lexer:
            if word in _ENDS:
                yield words
                words = []
            else:
                words.append(word)
    except ValueError:
        return  # a quote that is not closed: the shell would not run it either
    yield words


def _assignments(words: list[str]) -> tuple[tuple[tuple[str, str], ...], list[str]]:
    count = 0
    while count < len(words) and _ASSIGNMENT.fullmatch(words[count]):
        count += 1
    pairs = (word.partition("=") for word in words[:count])
    return tuple((name, value) for name, _, value in pairs), words[count:]


def _unwrapped(words: list[str]) -> tuple[list[str], tuple[tuple[str, str], ...]]:
    """The words behind coverage tools and setters of variables, and what these set."""
    variables: tuple[tuple[str, str], ...] = ()
    while words and _name(words[0]) in (*_WRAPPERS, *_RUNS_BINARY):
        with_value = _WRAPPERS.get(_name(words[0]), ("-p", "--package"))
        words = _without_options(words[1:], with_value)
        more, words = _assignments(words)
        variables += more
    return words, variables


def _without_options(words: list[str], with_value: tuple[str, ...]) -> list[str]:
    while words and words[0].startswith("-"):
        takes_value = words[0] in with_value
        if words[0] == "--":
            return words[1:]
        words = words[2:] if takes_value else words[1:]
    return words


def _called(words: list[str]) -> Iterator[str]:
    """The scripts that a command runs."""
    name, arguments = _name(words[0]), [word for word in words[1:] if not word.startswith("-")]
    if name in _MANY:
        yield from arguments
    elif name in _MANAGERS and arguments[:1] == ["run"]:
        yield from arguments[1:2]
    elif name in _MANAGERS and arguments[:1] in (["test"], ["t"]):
        yield "test"
    elif name in ("yarn", "pnpm") and arguments:
        yield arguments[0]


def _command(words: list[str]) -> Command | None:
    name = _name(words[0])
    if name in _MANAGERS and words[1:2] in (["exec"], ["dlx"], ["x"]):
        return _command(_without_options(words[2:], ())) if words[2:] else None
    if name == "yarn" and len(words) > 1:
        behind = words[2:] if words[1] == "run" else words[1:]  # a script, or an installed program
        return _command(behind) if behind else None
    if name != "node":
        return Command(program=name, arguments=tuple(words[1:]))
    options, operands = split_node_options(words[1:])
    if len(operands) > 1 and operands[1] in FRAMEWORK_PROGRAMS:  # by a program of the project's own
        operands = [f"node_modules/.bin/{operands[1]}", *operands[2:]]
    if operands and "--test" not in options and "node_modules/" in operands[0]:
        return Command(
            program=_name(operands[0]), arguments=tuple(operands[1:]), node_options=options
        )
    file = operands[0] if operands and "--test" not in options else ""
    arguments = operands[1:] if file else operands
    return Command(program="node", arguments=tuple(arguments), file=file, node_options=options)


NODE_OPTIONS_WITH_VALUE = frozenset(
    (
        *("-r", "--require", "--import", "--loader", "--experimental-loader", "-C"),
        *("--conditions", "--env-file", "--env-file-if-exists", "--test-name-pattern"),
        *("--test-skip-pattern", "--test-reporter", "--test-reporter-destination"),
        *("--test-concurrency", "--test-timeout", "--test-shard", "--disable-warning"),
        *("--test-coverage-include", "--test-coverage-exclude", "--experimental-config-file"),
    )
)


def split_node_options(words: list[str]) -> tuple[tuple[str, ...], list[str]]:
    """Node's own options, and the file with what follows it. With `--test`, options may stand
    behind files as well."""
    options: list[str] = []
    queue = list(words)
    files: list[str] = []
    while queue:
        word = queue.pop(0)
        if word.startswith("-"):
            options.append(word)
            if word in NODE_OPTIONS_WITH_VALUE and queue:
                options.append(queue.pop(0))
        elif "--test" in options:
            files.append(word)
        else:
            return tuple(options), [word, *queue]
    return tuple(options), files


def _name(word: str) -> str:
    """`mocha` for `./node_modules/.bin/mocha`, `node_modules/mocha/bin/_mocha` and the like."""
    parts = word.replace("\\", "/").split("/")
    if "node_modules" in parts:
        behind = parts[parts.index("node_modules") + 1 :]
        if behind[:1] != [".bin"] and len(behind) > 1:
            return behind[0]
    return parts[-1].removesuffix(".js").removesuffix(".mjs").lstrip("_")
