"""mocha's command line: which of its options count, and which files are tests."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sandbox.languages.javascript.detection.command_line import Command
from sandbox.languages.javascript.detection.configuration_names import CONFIGURATION
from sandbox.languages.javascript.detection.globs import is_pattern, matching
from sandbox.languages.javascript.detection.loaded_first import (
    LOADED_BY_NODE,
    named_in_configuration,
    setup_files,
    values,
)
from sandbox.languages.javascript.detection.node_options import node_options
from sandbox.languages.javascript.detection.package_file import PackageFiles, table, texts
from sandbox.languages.javascript.detection.project import Framework, JavaScriptTests

_WITH_VALUE = frozenset(
    (
        *("-r", "--require", "-R", "--reporter", "-O", "--reporter-option", "--reporter-options"),
        *("-t", "--timeout", "--timeouts", "-s", "--slow", "-u", "--ui", "-g", "--grep", "-f"),
        *("--fgrep", "-j", "--jobs", "--config", "--package", "--extension", "--file", "--ignore"),
        *("--exclude", "--spec", "--retries", "--global", "--globals", "-n", "--node-option"),
        *("--watch-files", "--watch-ignore", "--opts", "--import", "--loader"),
        *("--experimental-loader",),
    )
)
_DROPPED = frozenset(
    (
        *("-R", "--reporter", "-O", "--reporter-option", "--reporter-options", "-w", "--watch"),
        *("--watch-files", "--watch-ignore", "-p", "--parallel", "-j", "--jobs", "-b", "--bail"),
        *("-n", "--node-option", "--inspect", "--inspect-brk", "-c", "--color", "--colors"),
        *("--dry-run", "-C", "--no-color", "-G", "--growl", "--exit"),
    )
)
"""What shows results otherwise, waits for ever, or ends a run early."""
_OF_NODE = ("--import", "--loader", "--experimental-", "--no-warnings", "--max-old", "--expose")
_PROGRAMS = tuple(n for n in CONFIGURATION[Framework.MOCHA] if n.endswith("js"))
_CONFIGURATIONS = tuple(n for n in CONFIGURATION[Framework.MOCHA] if not n.endswith("js"))
_DEFAULT_FOLDER = "./test"


def mocha_tests(
    command: Command, files: PackageFiles, package: Mapping[str, Any]
) -> JavaScriptTests:
    """How mocha runs the tests: its options without those that watch, show or end early."""
    options, specs, of_node = _split(command.arguments)
    settings = _settings(files, package, options)
    of_node += [f"--import={name}" for name in texts(settings.get("import"))]
    of_node += [f"--loader={name}" for name in texts(settings.get("loader"))]
    of_node += [_as_option(name) for name in texts(settings.get("node-option"))]
    if not specs and not _names_specs(settings, options, files):
        specs = [_DEFAULT_FOLDER]  # said, so that a further file does not stand in for it
    patterns = [*specs, *texts(settings.get("spec")), *values(options, ("--spec", "--file"))]
    of_node = [*node_options(command.node_options), *of_node]
    module_names = [
        *values(options, ("-r", "--require", "--file", "--config", "--package", "--opts")),
        *values(of_node, LOADED_BY_NODE),
    ]
    module_names += [*texts(settings.get("require")), *texts(settings.get("file"))]
    return JavaScriptTests(
        arguments=tuple(options),
        places=tuple(specs),
        node_options=tuple(of_node),
        files=tuple(matching(_specs(patterns, files), files.paths)),
        setup=(
            *setup_files(module_names, files),
            *named_in_configuration(Framework.MOCHA, files, values(options, ("--config",))),
        ),
    )


def _names_specs(settings: Mapping[str, Any], options: Sequence[str], files: PackageFiles) -> bool:
    """Whether a file of settings, or an option, says where the tests are."""
    programs = any(map(files.exists, _PROGRAMS))
    return programs or bool(texts(settings.get("spec")) or list(values(options, ("--spec",))))


def _as_option(name: str) -> str:
    return name if name.startswith("-") else f"--{name}"


def _specs(patterns: Sequence[str], files: PackageFiles) -> Iterator[str]:
    """As patterns of files: mocha looks into a folder for its sources."""
    for pattern in patterns:
        path = posixpath.normpath(pattern)
        yield path
        if not is_pattern(path) and not files.exists(path):
            yield f"{path}/**/*.{{js,cjs,mjs,ts,cts,mts,jsx,tsx}}"


def _split(words: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """mocha's own options, the files, and options of Node: mocha would start another process for
    those."""
    options: list[str] = []
    specs: list[str] = []
    of_node: list[str] = []
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if not word.startswith("-"):
            specs.append(word)
            continue
        takes_value = word in _WITH_VALUE
        group = [word, *(queue[:1] if takes_value else [])]
        queue = queue[1:] if takes_value else queue
        if word.startswith(_OF_NODE):
            of_node += group
        elif word.partition("=")[0] not in _DROPPED:
            options += group
    return options, specs, of_node


def _settings(
    files: PackageFiles, package: Mapping[str, Any], options: Sequence[str]
) -> Mapping[str, Any]:
    paths = [posixpath.normpath(path) for path in values(options, ("--config",))]
    for path in (*paths, *_CONFIGURATIONS):
        if files.exists(path):
            return files.yaml(path)  # JSON with comments in it is nearly all YAML
    return table(package, "mocha")
