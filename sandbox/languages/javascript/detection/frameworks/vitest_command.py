"""vitest's command line: which of its options count, and which files are tests."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sandbox.languages.javascript.detection.command_line import Command
from sandbox.languages.javascript.detection.frameworks.configured_patterns import (
    configured_patterns,
)
from sandbox.languages.javascript.detection.globs import matching
from sandbox.languages.javascript.detection.loaded_first import (
    LOADED_BY_NODE,
    named_in_configuration,
    setup_files,
    values,
)
from sandbox.languages.javascript.detection.node_options import node_options
from sandbox.languages.javascript.detection.package_file import PackageFiles
from sandbox.languages.javascript.detection.project import Framework, JavaScriptTests

_MODES = frozenset(("run", "watch", "dev", "related"))
"""First words that run the tests, whatever they wait for afterwards."""
NO_TESTS = frozenset(("bench", "init", "list", "typecheck"))
"""First words that run none."""
_WITH_VALUE = frozenset(
    (
        *("-r", "--root", "-c", "--config", "-t", "--testNamePattern", "--dir", "--environment"),
        *("--project", "--exclude", "--pool", "--mode", "--reporter", "--outputFile", "--shard"),
        *("--maxWorkers", "--minWorkers", "--testTimeout", "--hookTimeout", "--teardownTimeout"),
        *("--retry", "--bail", "--workspace", "--maxConcurrency", "--slowTestThreshold"),
        *("--snapshotEnvironment", "--diff", "--configLoader", "--runner", "--mergeReports"),
        *("--tagsFilter", "--execArgv", "--changed", "--api", "--inspect", "--inspectBrk"),
    )
)
_DROPPED = frozenset(
    (
        *("-w", "--watch", "--run", "--ui", "--open", "--api", "--reporter", "--outputFile"),
        *("--coverage", "--bail", "--shard", "--changed", "-u", "--update", "--inspect"),
        *("--inspectBrk", "--silent", "--color", "--passWithNoTests", "--fileParallelism"),
        *("--maxWorkers", "--minWorkers", "--clearScreen", "--standalone", "--runner"),
        *("--mergeReports", "--hideSkippedTests", "--logHeapUsage", "--parallelism"),
        "--typecheck",
    )
)
"""What shows results otherwise, waits for ever, leaves tests out, or tests types instead of what
the program does."""
_LOADS = ("-c", "--config", "--environment", "--snapshotEnvironment", "--diff", "--workspace")
_DEFAULT = ("**/*.{test,spec}.{js,mjs,cjs,ts,mts,cts,jsx,tsx}",)
"""https://vitest.dev/config/include"""


def vitest_tests(command: Command, files: PackageFiles) -> JavaScriptTests:
    """How vitest runs the tests: its options without those that watch, show or end early."""
    of_node = node_options(command.node_options)
    options: list[str] = []
    places: list[str] = []
    words = list(command.arguments)
    mode = words.pop(0) if words and words[0] in _MODES else "run"
    for group in _groups(words):
        name = _camel(group[0].partition("=")[0])
        if not name.startswith("-"):
            places += group
        elif not _DROPPED.intersection((name.partition(".")[0], _positive(name))):
            options += group
    given = [*values(options, ("-c", "--config"))]
    named_patterns = configured_patterns(Framework.VITEST, files, given)
    loaded = [*values(options, _LOADS), *values(of_node, LOADED_BY_NODE)]
    return JavaScriptTests(
        arguments=tuple(options),
        # The files of `related` are those of the program.
        places=() if mode == "related" else tuple(places),
        node_options=of_node,
        files=tuple(matching([*_DEFAULT, *named_patterns], files.paths)),
        setup=(
            *setup_files(loaded, files),
            *named_in_configuration(Framework.VITEST, files, given),
        ),
    )


def _groups(words: list[str]) -> Iterator[list[str]]:
    """Each option with its value, and each other word."""
    left = list(words)
    while left:
        word = left.pop(0)
        is_followed = bool(left) and not left[0].startswith("-")
        name = _camel(word)
        takes_value = name in _WITH_VALUE or ("." in name and name.startswith("--"))
        is_open = takes_value and is_followed and "=" not in word
        yield [word, left.pop(0)] if is_open else [word]


def _camel(name: str) -> str:
    """`--passWithNoTests` for `--pass-with-no-tests`: both are known."""
    if not name.startswith("--"):
        return name
    return "--" + re.sub(r"-(\w)", lambda match: match[1].upper(), name[2:])


def _positive(name: str) -> str:
    """`--color` for `--noColor`."""
    stem = name.removeprefix("--no")
    return f"--{stem[:1].lower()}{stem[1:]}" if stem != name else name
