"""Files of tests that are programs: each runs by itself, and its exit status counts."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence

from sandbox.languages.javascript.detection.command_line import Command
from sandbox.languages.javascript.detection.globs import is_pattern, matching
from sandbox.languages.javascript.detection.loaded_first import LOADED_BY_NODE, setup_files, values
from sandbox.languages.javascript.detection.node_options import node_options
from sandbox.languages.javascript.detection.package_file import PackageFiles, table, texts
from sandbox.languages.javascript.detection.project import JavaScriptTests

STARTERS = frozenset(("tape", "tap", "uvu"))
"""Programs that start such files one after the other."""
_NAMES_TESTS = re.compile(r"(?<![A-Za-z])[Tt]ests?(?![a-z])|(?<=[a-z])Tests?(?![a-z])")
"""A word of a path, however words are set apart in it."""
_ENDS = "{js,cjs,mjs}"
_DEFAULT = {
    "tape": (),
    "tap": (
        *(f"{folder}/**/*.{_ENDS}" for folder in ("test", "tests", "__tests__")),
        *(f"**/*.{word}.{_ENDS}" for word in ("test", "tests", "spec")),
        *(f"{word}.{_ENDS}" for word in ("test", "tests", "spec")),
    ),
    "uvu": (
        *(f"**/{folder}/**/*.{_ENDS}" for folder in ("test", "tests", "__test__", "__tests__")),
        *(f"**/*.{word}.{_ENDS}" for word in ("test", "tests", "spec")),
        *(f"{word}.{_ENDS}" for word in ("test", "tests")),
    ),
}
"""Where nothing is named. https://node-tap.org/config/ https://github.com/lukeed/uvu#cli"""
_BESIDE_TESTS = re.compile(r"(?:^|/)(?:fixtures?|tap-snapshots|helpers?)/")
"""Folders of what tests use."""
_TAKES_MODULE = ("-r", "--require")
_TAKES_VALUE = ("-i", "--ignore", "--ignore-pattern", "-C", "--cwd", "-j", "--jobs", "-t", "-R")


def started_tests(command: Command, files: PackageFiles) -> JavaScriptTests:
    """Of `tape`, `tap` or `uvu`, which run the files that they are given; each can run alone."""
    options: list[str] = []
    places: list[str] = []
    queue = list(command.arguments)
    if command.program == "tap" and queue[:1] == ["run"]:
        queue = queue[1:]
    while queue:
        word = queue.pop(0)
        if word in _TAKES_MODULE and queue:
            options += ["--require", queue.pop(0)]
        elif word.startswith("--require="):
            options.append(word)
        elif word in _TAKES_VALUE and queue:
            queue.pop(0)
        elif not word.startswith("-"):
            places.append(word)
    patterns = _uvu_patterns(places) if command.program == "uvu" else _patterns(places, files)
    if command.program == "tap":
        patterns = patterns or [*texts(table(files.json("package.json"), "tap").get("files"))]
    paths = matching(patterns or _DEFAULT[command.program], files.paths)
    named = [posixpath.normpath(place) for place in places]
    return _programs(
        (*command.node_options, *options),
        [path for path in paths if path in named or not _BESIDE_TESTS.search(path)],
        command.variables,
        files,
    )


def _patterns(places: Sequence[str], files: PackageFiles) -> list[str]:
    """A folder stands for the programs in it."""
    paths = [posixpath.normpath(place) for place in places]
    return [
        path if is_pattern(path) or files.exists(path) else f"{path}/**/*.{_ENDS}" for path in paths
    ]


def _uvu_patterns(places: Sequence[str]) -> list[str]:
    """`uvu FOLDER PATTERN`: the pattern is a regular expression, of which a plain end or part of a
    name is read; any other leaves all of the folder."""
    folder = posixpath.normpath(places[0]) if places else "."
    part = places[1].replace("\\", "") if len(places) > 1 else ""
    is_end = part.endswith("$")
    plain = part.removesuffix("$")
    if not re.fullmatch(r"[\w./-]+", plain):
        return [] if folder == "." else [f"{folder}/**/*.{_ENDS}"]
    name = f"**/*{plain}" if is_end else f"**/*{plain}*"
    return [name if folder == "." else f"{folder}/{name}"]


def plain_programs(commands: Sequence[Command], files: PackageFiles) -> JavaScriptTests | None:
    """Files that the script runs with Node itself and whose name says that they are tests. One that
    is given words decides by them what it tests; of those with other options or variables than most
    have, none is run otherwise than the script does."""
    alike: dict[tuple[tuple[str, ...], tuple[tuple[str, str], ...]], list[str]] = {}
    for command in commands:
        path = posixpath.normpath(command.file)
        is_test = _NAMES_TESTS.search(path) and files.exists(path)
        if command.program == "node" and is_test and not command.arguments:
            alike.setdefault((command.node_options, command.variables), []).append(path)
    if not alike:
        return None
    (options, variables), paths = max(alike.items(), key=lambda item: len(item[1]))
    return _programs(options, dict.fromkeys(paths), variables, files)


def _programs(
    options: Sequence[str],
    paths: Iterable[str],
    variables: tuple[tuple[str, str], ...],
    files: PackageFiles,
) -> JavaScriptTests:
    of_node = node_options(options)
    return JavaScriptTests(
        node_options=of_node,
        files=tuple(paths),
        setup=setup_files(values(of_node, LOADED_BY_NODE), files),
        variables=variables,
    )
