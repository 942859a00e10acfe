"""Which files of a project are tests."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from sandbox.languages.python.detection.config_files import ConfigFiles
from sandbox.languages.python.detection.test_setup import TestSetup
from sandbox.snapshots.tarball import parents

_LOOSE_PATTERNS = ("tests.py", "test.py", "conftest.py")
_HOLDS_TESTS = re.compile(
    rb"def test|^class \w*Test|TestCase|unittest|doctest|pytest|import \*", re.M
)
_DEFINES_TESTS = re.compile(
    rb"^(?:async )?def test|^class (?:Test\w*[ \t]*[:(]|\w+[ \t]*\([^)]{0,500}TestCase\b)"
    rb"|^[ \t]+def test_?\w*\(self",
    re.M,
)
_EXAMPLE = re.compile(rb"^[ \t]*>>> ", re.M)
_MAX_SAMPLE_FILES = 200
_MAX_SAMPLE_BYTES = 256 * 1024


def test_files(files: ConfigFiles, patterns: Sequence[str], places: Sequence[str]) -> Iterator[str]:
    """The Python files below the places (everywhere when there are none) that are tests by their
    name and by what is in them, and those that are named themselves."""
    for path in files.snapshot.python_files():
        if not path.isprintable():
            continue  # such names cannot stand in a test id
        if path in places or (below(path, places) and _is_by_pattern(files, path, patterns)):
            yield path


def _is_by_pattern(files: ConfigFiles, path: str, patterns: Sequence[str]) -> bool:
    """A pattern such as `*.py` says nothing: there the file itself has to define tests."""
    matching_patterns = [pattern for pattern in patterns if matches(path, pattern)]
    if not matching_patterns:
        return False
    says_test = any(not is_catch_all(pattern) for pattern in matching_patterns)
    return _has(files, path, _HOLDS_TESTS if says_test else _DEFINES_TESTS)


def holds_examples(files: ConfigFiles, path: str) -> bool:
    """Whether a file holds lines that doctest would run."""
    return _has(files, path, _EXAMPLE)


def defines_tests(files: ConfigFiles, path: str) -> bool:
    """Whether a file defines test functions or cases of its own."""
    return _has(files, path, _DEFINES_TESTS)


def _has(files: ConfigFiles, path: str, expression: re.Pattern[bytes]) -> bool:
    """A file too large to look into is taken to hold what is looked for."""
    entry = files.snapshot.entries[path]
    return entry.size > _MAX_SAMPLE_BYTES or bool(expression.search(files.snapshot.read(path)))


def sample(files: ConfigFiles, paths: Sequence[str]) -> Iterator[bytes]:
    """The contents of the first few files."""
    for path in paths[:_MAX_SAMPLE_FILES]:
        if files.snapshot.entries[path].size <= _MAX_SAMPLE_BYTES:
            yield files.snapshot.read(path)


def present(files: ConfigFiles, path: str) -> bool:
    """Whether a file or folder of this path is there."""
    prefix = f"{path}/"
    return path == "." or any(p == path or p.startswith(prefix) for p in files.snapshot.entries)


def below(path: str, folders: Sequence[str]) -> bool:
    """Whether a file is one of these or lies in one; always, where there are none."""
    return not folders or any(f == "." or path == f or path.startswith(f"{f}/") for f in folders)


def matches(path: str, pattern: str) -> bool:
    """Say whether a file matches one of pytest's `python_files` patterns."""
    if "/" in pattern:
        return fnmatchcase(path, pattern) or fnmatchcase(path, f"*/{pattern}")
    return fnmatchcase(path.rpartition("/")[2], pattern)


def is_catch_all(pattern: str) -> bool:
    """Whether a pattern fits files of any name: `*.py`, `[a-z]*.py`."""
    name = pattern.rpartition("/")[2].removesuffix(".py")
    return not re.sub(r"[*?]|\[[^]]*\]", "", name)


def only_folder(paths: Sequence[str]) -> tuple[str, ...]:
    """Return the top folder that holds every test and is named for it, so that nothing else
    is searched."""
    tops = {path.partition("/")[0] if "/" in path else "" for path in paths}
    return tuple(tops) if len(tops) == 1 and "test" in next(iter(tops)).lower() else ()


def with_files(files: ConfigFiles, setup: TestSetup) -> TestSetup:
    """The setup with the test files below its places, and with the one folder that holds them all
    where it names no place."""
    places = [path.partition("::")[0] for path in setup.paths]
    test_paths = tuple(test_files(files, setup.patterns, places))
    has_examples = "--doctest-modules" in (*setup.addopts, *setup.arguments)
    folder = () if has_examples else only_folder(test_paths)
    return replace(setup, files=test_paths, paths=setup.paths or folder)


def test_folders(python_files: Sequence[str], setup: TestSetup) -> frozenset[str]:
    """Return the folders whose every file is a test's: by name, or by name and content."""
    by_folder: dict[str, list[str]] = {}
    for path in python_files:
        for parent in parents(path):
            by_folder.setdefault(parent, []).append(path)
    by_folder = {folder: members for folder, members in by_folder.items() if folder.isprintable()}
    return frozenset(
        folder
        for folder, members in by_folder.items()
        if PurePosixPath(folder).name in ("test", "tests") or _mostly_tests(folder, members, setup)
    )


def _mostly_tests(folder: str, members: Sequence[str], setup: TestSetup) -> bool:
    if "test" not in PurePosixPath(folder).name.lower():
        return False
    relevant = [path for path in members if not path.endswith("/__init__.py")]
    tests = [path for path in relevant if is_test_file(path, setup)]
    return len(tests) * 2 > len(relevant)


def is_test_file(path: str, setup: TestSetup) -> bool:
    """Whether a file is a test: known to be one, or named like one."""
    if path in setup.known:
        return True
    patterns = (*setup.patterns, *_LOOSE_PATTERNS)
    return any(matches(path, pattern) for pattern in patterns if not is_catch_all(pattern))
