"""Calls of unittest and of programs that end in it, and the files that they load."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from sandbox.languages.python.detection.config_files import ConfigFiles
from sandbox.languages.python.detection.test_setup import (
    DEFAULT_PATTERNS,
    UNITTEST_PROGRAM,
    RunnerKind,
    TestSetup,
)
from sandbox.languages.python.detection.testing.discovery import (
    UNITTEST_PATTERN,
    discovered_files,
    named_files,
    read_discovery,
)
from sandbox.languages.python.detection.testing.test_command import TestCommand
from sandbox.languages.python.detection.testing.test_files import test_files


def unittest_setup(files: ConfigFiles, setup: TestSetup, command: TestCommand) -> TestSetup:
    """The command as it is, and the files that it loads."""
    setup = replace(
        setup,
        runner=RunnerKind.UNITTEST,
        program=command.program,
        arguments=command.arguments,
        folder=command.folder,
        variables=command.variables,
        paths=(),
        named=(*setup.named, *_program_files(files, command)),
    )
    if command.program != UNITTEST_PROGRAM:
        place = () if command.folder == "." else (command.folder,)
        patterns = (UNITTEST_PATTERN, *_patterns_of(command.arguments))
        return replace(setup, files=tuple(test_files(files, patterns, place)))
    discovery = read_discovery(command.arguments)
    named_paths = tuple(named_files(files, discovery.names, command.folder))
    paths = () if discovery.names else tuple(discovered_files(files, discovery, command.folder))
    new = () if discovery.pattern == UNITTEST_PATTERN else (discovery.pattern,)
    return replace(setup, files=(*paths, *named_paths), patterns=(*DEFAULT_PATTERNS, *new))


def merged(setups: Sequence[TestSetup]) -> TestSetup:
    """The first with the files of all, and the calls of the others."""
    first = setups[0]
    return replace(
        first,
        more=tuple(call for setup in setups[1:] for call in setup.calls),
        files=tuple(dict.fromkeys(path for setup in setups for path in setup.files)),
        patterns=tuple(dict.fromkeys(name for setup in setups for name in setup.patterns)),
        named=tuple(dict.fromkeys(path for setup in setups for path in setup.named)),
    )


def _program_files(files: ConfigFiles, command: TestCommand) -> tuple[str, ...]:
    name = command.program[-1]
    place = PurePosixPath(command.folder, name).as_posix()
    module = PurePosixPath(command.folder, name.replace(".", "/")).as_posix()
    candidates = (place, f"{module}.py", f"{module}/__main__.py")
    return tuple(path for path in candidates if files.exists(path))


def _patterns_of(arguments: Sequence[str]) -> Iterator[str]:
    """Patterns of file names in the arguments of Django's `test`."""
    for position, word in enumerate(arguments):
        if word in ("-p", "--pattern") and position + 1 < len(arguments):
            yield arguments[position + 1]
        elif word.startswith("--pattern="):
            yield word.partition("=")[2]
