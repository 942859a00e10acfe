"""How tests are run by the commands that the project itself runs."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace

from sandbox.languages.python.detection.config_files import ConfigFiles
from sandbox.languages.python.detection.test_setup import RunnerKind, TestSetup, prepares_tests
from sandbox.languages.python.detection.testing.discovery import distinct_commands
from sandbox.languages.python.detection.testing.pytest_arguments import (
    options_and_places,
    which_tests,
)
from sandbox.languages.python.detection.testing.setups.pytest_for_unittest import all_as_pytest
from sandbox.languages.python.detection.testing.setups.test_contents import setup_by_contents
from sandbox.languages.python.detection.testing.setups.unittest_calls import merged, unittest_setup
from sandbox.languages.python.detection.testing.test_command import TestCommand


def with_own_pytest(
    files: ConfigFiles, setup: TestSetup, declared: Sequence[tuple[str, TestCommand]]
) -> TestSetup:
    """What the project's own pytest commands say beyond its configuration: the places they name
    all together, unless one names none, and options of the first that has some."""
    commands = [command for _, command in declared if command.runner is RunnerKind.PYTEST]
    read = [options_and_places(files, command) for command in commands]
    options = next((selection for words, _ in read if (selection := which_tests(words))), ())
    groups = [places for _, places in read]
    places = dict.fromkeys(place for group in groups for place in group) if all(groups) else {}
    named_places = tuple(place for place in places if "::" not in place)
    # Beside the configured places a command may name sources, for their examples.
    more = named_places if "--doctest-modules" in options else ()
    paths = tuple(dict.fromkeys((*setup.paths, *more))) if setup.paths else named_places
    new = tuple(option for option in options if option not in setup.addopts)
    return replace(setup, paths=paths, addopts=(*setup.addopts, *new))


def setup_by_commands(
    files: ConfigFiles, setup: TestSetup, declared: Sequence[tuple[str, TestCommand]]
) -> TestSetup:
    for source, command in declared if setup.files else ():
        if command.runner is RunnerKind.PYTEST:
            text = shlex.join(("python", *command.program))[:200] if command.program else "pytest"
            return replace(setup, why=f"{source} runs `{text}`")
    for source, command in declared:
        if command.runner is RunnerKind.UNITTEST:
            commands = [c for s, c in declared if s == source and c.runner is RunnerKind.UNITTEST]
            return _all_calls(files, setup, source, commands)
    return setup_by_contents(files, setup)


def _all_calls(
    files: ConfigFiles, setup: TestSetup, source: str, listed: Sequence[TestCommand]
) -> TestSetup:
    """The commands that one file of the project lists, all of them: run together by pytest where
    it finds the same, else one after the other. Of programs that prepare what their tests need
    only the first is run, since one process cannot be prepared in two ways."""
    commands = distinct_commands(files, listed)
    texts = [shlex.join(("python", *c.program, *c.arguments))[:200] for c in commands]
    why = f"{source} runs {', '.join(f'`{text}`' for text in texts)}"
    other_commands = {c for c in listed if prepares_tests(c.program)} - set(commands)
    if other_commands:
        why += (
            f", and not {len(other_commands)} other of its commands, "
            "which prepare their tests otherwise"
        )
    setup = replace(setup, why=why)
    return all_as_pytest(files, setup, commands) or merged(
        [unittest_setup(files, setup, command) for command in commands]
    )
