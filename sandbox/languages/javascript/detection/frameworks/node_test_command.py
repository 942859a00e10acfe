"""node:test's command line: which files are tests."""

from __future__ import annotations

import posixpath

from sandbox.languages.javascript.detection.command_line import Command
from sandbox.languages.javascript.detection.globs import is_pattern, matching
from sandbox.languages.javascript.detection.loaded_first import LOADED_BY_NODE, setup_files, values
from sandbox.languages.javascript.detection.node_options import node_options
from sandbox.languages.javascript.detection.package_file import PackageFiles, texts
from sandbox.languages.javascript.detection.project import JavaScriptTests

_DEFAULT_NODE = (
    "**/*{.,-,_}test.{js,cjs,mjs}",
    "**/test-*.{js,cjs,mjs}",
    "**/test.{js,cjs,mjs}",
    "**/test/**/*.{js,cjs,mjs}",
)
"""https://nodejs.org/api/test.html#running-tests-from-the-command-line"""
_BORP = "borp"
_BORP_CONFIGURATION = ".borp.yaml"
_DEFAULT_BORP = ("test/**/*.test.{js,cjs,mjs}",)
"""https://github.com/mcollina/borp: starts files that use node:test."""


def node_test_files(command: Command, files: PackageFiles) -> JavaScriptTests | None:
    """What node:test runs, or a program that starts such files; None for any other command."""
    if command.program == _BORP:
        named = texts(files.yaml(_BORP_CONFIGURATION).get("files"))
        places = [word for word in command.arguments if not word.startswith("-")]
        return _tests(command, matching(places or named or _DEFAULT_BORP, files.paths), files)
    if command.program != "node":
        return None
    if "--test" in command.node_options:
        groups = [_expanded(word, files) for word in command.arguments]
        patterns = [pattern for group in groups for pattern in group] or list(_DEFAULT_NODE)
        return _tests(command, matching(patterns, files.paths), files)
    path = posixpath.normpath(command.file) if command.file else ""
    return _tests(command, [path], files) if "node:test" in files.text(path) else None


def _tests(command: Command, paths: list[str], files: PackageFiles) -> JavaScriptTests:
    options = node_options(command.node_options)
    return JavaScriptTests(
        node_options=options,
        files=tuple(paths),
        setup=setup_files(values(options, LOADED_BY_NODE), files),
    )


def _expanded(word: str, files: PackageFiles) -> list[str]:
    """A folder stands for the tests in it."""
    path = posixpath.normpath(word)
    if is_pattern(word) or files.exists(path):
        return [path]
    top = "" if path == "." else f"{path}/"
    return [f"{top}{pattern}" for pattern in (*_DEFAULT_NODE[:3], "**/*.{js,cjs,mjs}")]
