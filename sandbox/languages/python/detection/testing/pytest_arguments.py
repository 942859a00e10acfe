"""pytest's command line: options with their values, and places to collect from."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence

from sandbox.languages.python.detection.config_files import ConfigFiles
from sandbox.languages.python.detection.testing.test_command import TestCommand
from sandbox.languages.python.detection.testing.test_files import present

_TAKE_A_VALUE = frozenset(
    [
        *("-k", "-m", "-p", "-o", "-c", "-W", "-n", "-r", "--ignore", "--ignore-glob"),
        *("--deselect", "--rootdir", "--confcutdir", "--override-ini", "--import-mode"),
        *("--maxfail", "--tb", "--junitxml", "--junit-xml", "--cov", "--durations", "--timeout"),
        *("--doctest-glob", "--doctest-report", "--ds"),
    ]
)
_KEPT_OPTIONS = re.compile(r"--(?:doctest-(?:modules|glob=.*|continue-on-failure)|import-mode=\w+)")
"""Options of a declared command that say which tests there are and how they are imported."""


def options_and_places(
    files: ConfigFiles, command: TestCommand
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """pytest's arguments: options with their values, and files, folders or test ids."""
    arguments = command.arguments
    places = {
        i: place
        for i, _ in enumerate(arguments)
        if (place := _place(files, arguments, i, command.folder)) is not None
    }
    options = tuple(argument for i, argument in enumerate(arguments) if i not in places)
    return options, tuple(places.values())


def _place(files: ConfigFiles, arguments: Sequence[str], position: int, folder: str) -> str | None:
    """A file, folder or test id in pytest's arguments, told from an option and its value."""
    if position and arguments[position - 1] in _TAKE_A_VALUE:
        return None
    path, mark, names = arguments[position].partition("::")
    if path.startswith("-"):
        return None
    path = posixpath.normpath(posixpath.join(folder, path))
    return f"{path}{mark}{names}" if present(files, path) else None


def which_tests(options: Sequence[str]) -> tuple[str, ...]:
    """Those that say which tests there are and how they are imported."""
    joined: list[str] = []
    for option in options:
        if joined and joined[-1] in ("--doctest-glob", "--import-mode"):
            joined[-1] += f"={option}"
        else:
            joined.append(option)
    return tuple(option for option in joined if _KEPT_OPTIONS.fullmatch(option))
