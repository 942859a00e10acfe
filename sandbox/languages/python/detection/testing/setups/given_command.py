"""How tests are run by the command that a person gave."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from sandbox.languages.python.detection.config_files import ConfigFiles
from sandbox.languages.python.detection.test_setup import RunnerKind, TestSetup
from sandbox.languages.python.detection.testing.pytest_arguments import options_and_places
from sandbox.languages.python.detection.testing.setups.unittest_calls import unittest_setup
from sandbox.languages.python.detection.testing.test_command import given_command
from sandbox.languages.python.detection.testing.test_files import with_files


def given_tests(files: ConfigFiles, setup: TestSetup, command: str) -> TestSetup:
    read = given_command(files, command)
    setup = replace(
        setup,
        given=True,
        named=tuple(_named_files(files, command)),
        why=f"the test command given is `{command}`",
    )
    if read.runner is RunnerKind.COMMAND:
        setup = replace(setup, runner=read.runner, arguments=read.arguments, paths=())
    elif read.runner is RunnerKind.UNITTEST:
        return unittest_setup(files, setup, read)
    else:
        options, places = options_and_places(files, read)
        setup = replace(
            setup,
            arguments=options,
            paths=places or setup.paths or (() if read.folder == "." else (read.folder,)),
            folder=read.folder,
            variables=read.variables,
        )
    return with_files(files, setup)


def _named_files(files: ConfigFiles, command: str) -> Iterator[str]:
    """Files a command names by path or as a module, wherever it changes to before."""
    try:
        parts = list(shlex.shlex(command, posix=True, punctuation_chars=True))
    except ValueError:
        parts = command.split()
    names = set()
    for part in parts:
        path = PurePosixPath(part.partition("::")[0]).as_posix()
        module = part.replace(".", "/")
        names |= {path, f"{module}.py", f"{module}/__main__.py"}
    for path, entry in files.snapshot.entries.items():
        ends = {path, *(path[position + 1 :] for position, mark in enumerate(path) if mark == "/")}
        if entry.kind == "file" and not names.isdisjoint(ends):
            yield path
