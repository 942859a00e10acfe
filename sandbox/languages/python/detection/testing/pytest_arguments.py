"""pytest's command line: options with their values, and places to collect from."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence

from sandbox.languages.python.detection.config_files import ConfigFiles
from sandbox.languages.python.detection.layout import import_roots
from sandbox.languages.python.detection.testing.test_command import TestCommand
from sandbox.languages.python.detection.testing.test_files import present

_TAKE_A_VALUE = frozenset(
    [
        *("-k", "-m", "-p", "-o", "-c", "-W", "-n", "-r", "--ignore", "--ignore-glob"),
        *("--deselect", "--rootdir", "--confcutdir", "--override-ini", "--import-mode"),
        *("--maxfail", "--tb", "--junitxml", "--junit-xml", "--cov", "--durations", "--timeout"),
        *("--cov-config", "--cov-context", "--cov-report", "--cov-fail-under", "--color"),
        *("--capture", "--show-capture", "--verbosity", "--basetemp", "--log-level", "--log-file"),
        *("--log-cli-level", "--html", "--numprocesses", "--maxprocesses", "--dist", "--reruns"),
        *("--doctest-glob", "--doctest-report", "--ds", "--settings", "--asyncio-mode"),
    ]
)
_CONFIGURATION = re.compile(r".*\.(?:toml|ini|cfg|conf|xml|json|html|log)")
"""Files that are the value of an option which is not known here: no test is collected from them."""
_KEPT_OPTIONS = re.compile(r"--(?:doctest-(?:modules|glob=.*|continue-on-failure)|import-mode=\w+)")
"""Options of a declared command that say which tests there are and how they are imported."""


def options_and_places(
    files: ConfigFiles, command: TestCommand
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """pytest's arguments: options with their values, and files, folders or test ids. Packages named
    with `--pyargs` are the project's own files where it has them."""
    arguments = _without_pyargs(files, command)
    places = {
        i: place
        for i, _ in enumerate(arguments)
        if (place := _place(files, arguments, i, command.folder)) is not None
    }
    options = tuple(argument for i, argument in enumerate(arguments) if i not in places)
    return options, tuple(places.values())


def _without_pyargs(files: ConfigFiles, command: TestCommand) -> tuple[str, ...]:
    """The arguments with the folder or file of each package or module, where all of them are the
    project's own; else as they are, since one may be installed from elsewhere."""
    arguments = command.arguments
    if "--pyargs" not in arguments:
        return arguments
    words = [word for word in arguments if word != "--pyargs"]
    roots, _ = import_roots(files)
    for position, word in enumerate(words):
        after_option = position > 0 and words[position - 1] in _TAKE_A_VALUE
        if after_option or word.startswith("-"):
            continue
        place = _module_place(files, word, roots) or _place(files, words, position, command.folder)
        if place is None:
            return arguments
        words[position] = posixpath.relpath(place, command.folder)
    return tuple(words)


def _module_place(files: ConfigFiles, word: str, roots: Sequence[str]) -> str | None:
    """The folder or file of a dotted name, with the names of tests behind it."""
    name, mark, names = word.partition("::")
    if not re.fullmatch(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*", name):
        return None
    for root in roots:
        path = posixpath.normpath(posixpath.join(root, name.replace(".", "/")))
        for candidate in (path, f"{path}.py"):
            if present(files, candidate):
                return f"{candidate}{mark}{names}"
    return None


def _place(files: ConfigFiles, arguments: Sequence[str], position: int, folder: str) -> str | None:
    """A file, folder or test id in pytest's arguments, told from an option and its value."""
    if position and arguments[position - 1] in _TAKE_A_VALUE:
        return None
    path, mark, names = arguments[position].partition("::")
    if path.startswith("-") or _CONFIGURATION.fullmatch(path):
        return None
    path = posixpath.normpath(posixpath.join(folder, path))
    return f"{path}{mark}{names}" if present(files, path) else None


def which_tests(options: Sequence[str]) -> tuple[str, ...]:
    """Those that say which tests there are and how they are imported."""
    words: list[str] = []
    for option in options:
        if words and words[-1] in ("--doctest-glob", "--import-mode"):
            words[-1] += f"={option}"
        else:
            words.append(option)
    return tuple(option for option in words if _KEPT_OPTIONS.fullmatch(option))
