"""Which files the discovery of unittest would load, without running it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from sandbox.languages.python.detection.config_files import ConfigFiles
from sandbox.languages.python.detection.test_setup import UNITTEST_PROGRAM, prepares_tests
from sandbox.languages.python.detection.testing.test_command import TestCommand
from sandbox.languages.python.detection.testing.test_files import defines_tests

UNITTEST_PATTERN = "test*.py"
_MAX_COMMANDS = 8
_TAKE_A_VALUE = frozenset(("-k", "--durations", "-s", "-p", "-t"))


@dataclass(frozen=True, kw_only=True)
class Discovery:
    """The arguments of `python -m unittest`, as far as they choose tests."""

    start: str = "."
    pattern: str = UNITTEST_PATTERN
    top: str | None = None
    names: tuple[str, ...] = ()
    """Modules, classes or tests; nothing is discovered then."""
    filtered: bool = False
    """`-k` leaves some tests out."""


def read_discovery(arguments: Sequence[str]) -> Discovery:
    """Read the arguments as unittest does: `discover [start [pattern [top]]]` and its options."""
    discovers = not arguments or arguments[0] == "discover" or arguments[0].startswith("-")
    words = list(arguments[1:] if arguments[:1] == ("discover",) else arguments)
    values: dict[str, str] = {}
    names: list[str] = []
    while words:
        word = words.pop(0)
        key, equals, value = word.partition("=")
        short = {"--start-directory": "-s", "--pattern": "-p", "--top-level-directory": "-t"}
        key = short.get(key, key)
        if equals and key in _TAKE_A_VALUE:
            values[key] = value
        elif key in _TAKE_A_VALUE and words:
            values[key] = words.pop(0)
        elif not word.startswith("-"):
            names.append(word)
    if not discovers or (names and arguments[:1] != ("discover",)):
        return Discovery(names=tuple(names), filtered="-k" in values)
    places = dict(zip(("-s", "-p", "-t"), names, strict=False)) | values
    return Discovery(
        start=PurePosixPath(places.get("-s", ".")).as_posix(),
        pattern=places.get("-p", UNITTEST_PATTERN),
        top=places.get("-t"),
        filtered="-k" in values,
    )


def discovered_files(files: ConfigFiles, discovery: Discovery, folder: str = ".") -> Iterator[str]:
    """Files with tests that the discovery reaches: it goes down into packages alone."""
    start = PurePosixPath(folder, discovery.start).as_posix()
    prefix = "" if start == "." else f"{start}/"
    for path in files.snapshot.python_files():
        if not path.startswith(prefix) or not path.isprintable():
            continue
        *inner, name = path.removeprefix(prefix).split("/")
        packages = ("/".join(inner[: depth + 1]) for depth in range(len(inner)))
        is_reachable = all(files.exists(f"{prefix}{package}/__init__.py") for package in packages)
        if is_reachable and fnmatchcase(name, discovery.pattern) and defines_tests(files, path):
            yield path


def loads_by_itself(contents: Iterator[bytes]) -> bool:
    """Whether a test file has the hook by which it loads its tests itself."""
    return any(re.search(rb"^def load_tests\b", content, re.M) for content in contents)


def distinct_commands(files: ConfigFiles, listed: Sequence[TestCommand]) -> list[TestCommand]:
    """Of the commands of one file those that load tests of their own: none twice, and none that
    runs a part of what another discovers with the same variables. Of programs that prepare what
    their tests need only the first, where it is the first of all."""
    if prepares_tests(listed[0].program):
        return [listed[0]]
    plain: dict[object, TestCommand] = {}
    for command in listed:
        if not prepares_tests(command.program):
            plain.setdefault(_meaning(command), command)
    paths_by_variables: dict[tuple[tuple[str, str], ...], set[str]] = {}
    commands = []
    for command in sorted(plain.values(), key=lambda each: not _is_whole(each)):
        before = paths_by_variables.setdefault(command.variables, set())
        paths = set(_loaded(files, command))
        if paths and paths <= before:
            continue
        commands.append(command)
        before |= paths if _is_whole(command) else set()
    return commands[:_MAX_COMMANDS]


def _meaning(command: TestCommand) -> object:
    """Equal for commands that run the same tests in the same way."""
    discovery = read_discovery(command.arguments)
    is_plain = command.program == UNITTEST_PROGRAM and not discovery.filtered
    subject = discovery if is_plain else command.arguments
    return command.program, command.folder, command.variables, subject


def _is_whole(command: TestCommand) -> bool:
    """Whether it runs all tests of the files that it finds."""
    discovery = read_discovery(command.arguments)
    return command.program == UNITTEST_PROGRAM and not (discovery.names or discovery.filtered)


def _loaded(files: ConfigFiles, command: TestCommand) -> Iterator[str]:
    """The files of a command of unittest's; none for other programs."""
    if command.program != UNITTEST_PROGRAM:
        return
    discovery = read_discovery(command.arguments)
    if discovery.names:
        yield from named_files(files, discovery.names, command.folder)
    else:
        yield from discovered_files(files, discovery, command.folder)


def named_files(files: ConfigFiles, names: Sequence[str], folder: str = ".") -> Iterator[str]:
    """The files of modules, or of what lies in them; those of a package that is named whole."""
    prefix = "" if folder == "." else f"{folder}/"
    for name in names:
        parts = name.removesuffix(".py").replace("/", ".").split(".")
        for count in range(len(parts), 0, -1):
            place = prefix + "/".join(parts[:count])
            paths = [p for p in files.snapshot.python_files() if _is_or_lies_in(p, place)]
            if paths:
                yield from paths
                break


def _is_or_lies_in(path: str, place: str) -> bool:
    return path == f"{place}.py" or path.startswith(f"{place}/")
