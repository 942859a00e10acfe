"""Decides how a project's tests are run: by the command given, the configuration, the commands
that the project itself runs, and what its test files look like."""

from __future__ import annotations

from sandbox.languages.python.detection.config_files import ConfigFiles
from sandbox.languages.python.detection.test_setup import TestSetup
from sandbox.languages.python.detection.testing.declared_commands import declared_commands
from sandbox.languages.python.detection.testing.doctests import with_doctests
from sandbox.languages.python.detection.testing.pytest_configuration import configured_pytest
from sandbox.languages.python.detection.testing.setups.given_command import given_tests
from sandbox.languages.python.detection.testing.setups.own_commands import (
    setup_by_commands,
    with_own_pytest,
)
from sandbox.languages.python.detection.testing.test_files import with_files


def find_tests(files: ConfigFiles, command: str | None) -> TestSetup:
    """Decide from the user's command, then the configuration, then the project's own commands,
    then the test files."""
    setup, source = configured_pytest(files)
    if command is not None:
        return with_doctests(files, given_tests(files, setup, command))
    commands = list(declared_commands(files))
    setup = with_files(files, with_own_pytest(files, setup, commands))
    if source is None:
        setup = setup_by_commands(files, setup, commands)
    return with_doctests(files, setup)
