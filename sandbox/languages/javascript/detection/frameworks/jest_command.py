"""jest's command line: which of its options count, and which files are tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

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
from sandbox.languages.javascript.detection.package_file import (
    PackageFiles,
    named_files,
    table,
    texts,
)
from sandbox.languages.javascript.detection.project import Framework, JavaScriptTests

_JEST_WITH_VALUE = frozenset(
    (
        *("-c", "--config", "--rootDir", "--env", "--testEnvironment", "-t", "--testNamePattern"),
        *(
            "-w",
            "--maxWorkers",
            "--testTimeout",
            "--reporters",
            "--coverageReporters",
            "--projects",
        ),
        *("--selectProjects", "--setupFilesAfterEnv", "--setupFiles", "--testPathPattern"),
        *("--testPathPatterns", "--testPathIgnorePatterns", "--coverageDirectory", "--shard"),
        *("--outputFile", "--changedSince", "--coverageThreshold", "--coverageProvider"),
        *("--collectCoverageFrom", "--cacheDirectory", "--globalSetup", "--globalTeardown"),
        *("--preset", "--runner", "--testRunner", "--resolver", "--transform", "--testSequencer"),
        *("--moduleNameMapper", "--testResultsProcessor", "--testMatch", "--roots"),
    )
)
_JEST_DROPPED = frozenset(
    (
        *("--watch", "--watchAll", "-o", "--onlyChanged", "--lastCommit", "--changedSince", "-b"),
        *(
            "--bail",
            "--coverage",
            "--collectCoverage",
            "--coverageReporters",
            "--coverageDirectory",
        ),
        *(
            "--reporters",
            "-w",
            "--maxWorkers",
            "-i",
            "--runInBand",
            "--ci",
            "--verbose",
            "--silent",
        ),
        *("--colors", "--color", "--json", "--outputFile", "--notify", "-u", "--updateSnapshot"),
        *("--shard", "--forceExit", "--detectOpenHandles", "--passWithNoTests", "--cache"),
        *("--no-cache", "--logHeapUsage", "-f", "--onlyFailures"),
    )
)
_JEST_LOADS = (
    *("-c", "--config", "--setupFiles", "--setupFilesAfterEnv", "--globalSetup"),
    *("--globalTeardown", "--env", "--testEnvironment", "--preset", "--runner", "--testRunner"),
    *("--resolver", "--testSequencer"),
)
_JEST_DEFAULT = (
    "**/__tests__/**/*.{js,jsx,ts,tsx,cjs,mjs,cts,mts}",
    "**/*.{spec,test}.{js,jsx,ts,tsx,cjs,mjs,cts,mts}",
)
"""https://jestjs.io/docs/configuration#testmatch-arraystring"""


def jest_tests(
    command: Command, files: PackageFiles, package: Mapping[str, Any]
) -> JavaScriptTests:
    """How jest runs the tests: its options without those that watch, show or end early."""
    of_node = node_options(command.node_options)
    options: list[str] = []
    places: list[str] = []
    queue = list(command.arguments)
    while queue:
        word = queue.pop(0)
        if not word.startswith("-"):
            places.append(word)
            continue
        takes_value = word in _JEST_WITH_VALUE
        group = [word, *(queue[:1] if takes_value else [])]
        queue = queue[1:] if takes_value else queue
        if word.partition("=")[0] not in _JEST_DROPPED:
            options += group
    given = [*values(options, ("-c", "--config"))]
    patterns = [
        *_JEST_DEFAULT,
        *(
            name.removeprefix("<rootDir>/")
            for name in texts(table(package, "jest").get("testMatch"))
        ),
        *configured_patterns(Framework.JEST, files, given),
    ]
    return JavaScriptTests(
        arguments=tuple(options),
        places=tuple(places),
        node_options=of_node,
        files=tuple(matching(patterns, files.paths)),
        setup=(
            *setup_files([*values(options, _JEST_LOADS), *values(of_node, LOADED_BY_NODE)], files),
            *named_files(files, json.dumps(table(package, "jest"))),
            *named_in_configuration(Framework.JEST, files, given),
        ),
    )
