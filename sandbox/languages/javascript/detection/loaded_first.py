"""Files of the project that a command names to be loaded before the tests, or for its settings."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence

from sandbox.languages.javascript.detection.configuration_names import CONFIGURATION
from sandbox.languages.javascript.detection.package_file import PackageFiles, named_files
from sandbox.languages.javascript.detection.project import Framework

LOADED_BY_NODE = (
    *("-r", "--require", "--import", "--loader", "--experimental-loader", "--env-file"),
    *("--env-file-if-exists", "--experimental-config-file"),
)
"""Options of Node itself."""


def values(options: Sequence[str], names: Sequence[str]) -> Iterator[str]:
    """What these options are given, in either spelling."""
    for position, word in enumerate(options):
        name, equals, value = word.partition("=")
        if name in names and equals:
            yield value
        elif word in names and position + 1 < len(options):
            yield options[position + 1]


def setup_files(names: Iterable[str], files: PackageFiles) -> tuple[str, ...]:
    """Files of the project among what is loaded first; `ts-node/register` is none."""
    ends = ("", ".js", ".cjs", ".mjs", ".ts", "/index.js", "/index.ts")
    paths = (posixpath.normpath(name.removeprefix("<rootDir>/")) for name in names)
    candidates = (f"{path}{end}" for path in paths for end in ends)
    return tuple(dict.fromkeys(path for path in candidates if files.exists(path)))


def named_in_configuration(
    framework: Framework, files: PackageFiles, given: Iterable[str] = ()
) -> tuple[str, ...]:
    """What the framework's own settings name, and those that the command gives it: a program cannot
    be read otherwise."""
    paths = dict.fromkeys((*CONFIGURATION[framework], *map(posixpath.normpath, given)))
    groups = (named_files(files, files.text(path), posixpath.dirname(path)) for path in paths)
    return tuple(dict.fromkeys(path for group in groups for path in group))
