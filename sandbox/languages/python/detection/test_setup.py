"""How a project's tests are run, and which of its files are tests."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from sandbox.languages.python.detection.config_files import ConfigFiles, Table, table, words
from sandbox.languages.python.detection.setup_py import nox_calls
from sandbox.snapshots.tarball import parents

DEFAULT_PATTERNS = ("test_*.py", "*_test.py")
_LOOSE_PATTERNS = ("tests.py", "test.py", "conftest.py")
_PYTEST_STYLE = re.compile(
    rb"^(?:import pytest\b|from pytest\b|(?:async )?def test_|class Test\w*(?:\(object\))?\s*:)",
    re.M,
)
_HOLDS_TESTS = re.compile(rb"def test|^class \w*Test|unittest|doctest|pytest|import \*", re.M)
_TAKE_A_VALUE = frozenset(
    [
        *("-k", "-m", "-p", "-o", "-c", "-W", "-n", "-r", "--ignore", "--ignore-glob"),
        *("--deselect", "--rootdir", "--confcutdir", "--override-ini", "--import-mode"),
        *("--maxfail", "--tb", "--junitxml", "--junit-xml", "--cov", "--durations", "--timeout"),
    ]
)
_MAX_SAMPLE_FILES = 200
_MAX_SAMPLE_BYTES = 256 * 1024


class RunnerKind(StrEnum):
    PYTEST = "pytest"
    UNITTEST = "unittest"
    COMMAND = "command"  # anything else: JUnit XML or its exit code


@dataclass(frozen=True, kw_only=True)
class TestSetup:
    """The test runner of a project, its arguments and the test files."""

    __test__ = False

    runner: RunnerKind
    arguments: tuple[str, ...] = ()
    """Given by the user: pytest's options, unittest's arguments, or the whole command."""
    paths: tuple[str, ...] = ()
    """Folders, files or test ids to collect; empty when the runner is to find them."""
    patterns: tuple[str, ...] = DEFAULT_PATTERNS
    files: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    """Files that the user's command runs: they judge a patch, so they are tests."""
    addopts: tuple[str, ...] = ()
    why: str = ""

    @cached_property
    def known(self) -> frozenset[str]:
        """Files that are tests whatever they are called."""
        return frozenset((*self.files, *self.named))


def find_tests(files: ConfigFiles, command: str | None) -> TestSetup:
    """Decide from the user's command, then the configuration, then the test files."""
    options, source = pytest_options(files)
    test_paths = (p.rstrip("/") for p in _split(options.get("testpaths")))
    setup = TestSetup(
        runner=RunnerKind.PYTEST,
        paths=tuple(path for path in test_paths if _present(files, path)),
        patterns=_split(options.get("python_files")) or DEFAULT_PATTERNS,
        addopts=_split(options.get("addopts")),
        why=f"{source} configures pytest" if source else "",
    )
    if command is not None:
        setup = _with_command(files, setup, command)
    test_files = tuple(p for p in _matching(files, setup) if _holds_tests(files, p))
    setup = replace(setup, files=test_files, paths=setup.paths or _only_folder(test_files))
    return setup if command is not None or source else _by_evidence(files, setup)


def _with_command(files: ConfigFiles, setup: TestSetup, command: str) -> TestSetup:
    runner, arguments = read_command(command)
    reason = f"the test command given is `{command}`"
    setup = replace(setup, named=tuple(_named_files(files, command)))
    if runner is not RunnerKind.PYTEST:
        return replace(setup, runner=runner, arguments=arguments, paths=(), why=reason)
    places = [i for i, _ in enumerate(arguments) if _is_place(files, arguments, i)]
    options = tuple(argument for i, argument in enumerate(arguments) if i not in places)
    paths = tuple(arguments[i].rstrip("/") for i in places) or setup.paths
    return replace(setup, arguments=options, paths=paths, why=reason)


def _is_place(files: ConfigFiles, arguments: Sequence[str], position: int) -> bool:
    """Tell a file, folder or test id in pytest's arguments from an option and its value."""
    if position and arguments[position - 1] in _TAKE_A_VALUE:
        return False
    path = arguments[position].partition("::")[0].rstrip("/")
    return not path.startswith("-") and _present(files, PurePosixPath(path).as_posix())


def read_command(command: str) -> tuple[RunnerKind, tuple[str, ...]]:
    """Recognise pytest and unittest in a command line; anything else is run by a shell."""
    try:
        parts = shlex.split(command)
    except ValueError:
        parts = []
    if len(parts) > 2 and re.fullmatch(r"(?:\S*/)?python[\d.]*", parts[0]) and parts[1] == "-m":
        parts = parts[2:]
    simple = parts and not re.search(r"[|&;<>$`]", command)
    if simple and parts[0] in ("pytest", "py.test"):
        return RunnerKind.PYTEST, tuple(parts[1:])
    if simple and parts[0] == "unittest":
        return RunnerKind.UNITTEST, tuple(parts[1:])
    return RunnerKind.COMMAND, ("sh", "-c", command)


def _named_files(files: ConfigFiles, command: str) -> Iterator[str]:
    """Files a command names by path or as a module, wherever it changes to before."""
    try:
        parts = list(shlex.shlex(command, posix=True, punctuation_chars=True))
    except ValueError:
        parts = command.split()
    names = set()
    for part in parts:
        path = PurePosixPath(part.partition("::")[0]).as_posix()
        module = part.replace(".", "/")
        names |= {path, f"{module}.py", f"{module}/__main__.py"}
    for path, entry in files.snapshot.entries.items():
        ends = {path, *(path[position + 1 :] for position, mark in enumerate(path) if mark == "/")}
        if entry.kind == "file" and not names.isdisjoint(ends):
            yield path


def _by_evidence(files: ConfigFiles, setup: TestSetup) -> TestSetup:
    """pytest runs unittest's cases as well, but not all that unittest itself would load."""
    if not setup.files and (unittest_files := tuple(_unittest_files(files))):
        reason = "the tests are unittest's, in files that pytest would not find"
        return replace(
            setup,
            runner=RunnerKind.UNITTEST,
            patterns=("test*.py",),
            files=unittest_files,
            why=reason,
        )
    contents = list(_sample(files, setup.files))
    if any(re.search(rb"^def load_tests\b", content, re.M) for content in contents):
        return replace(setup, runner=RunnerKind.UNITTEST, why="a test file has a load_tests")
    for source, command in _declared_commands(files):
        if re.search(r"\bpy\.?test\b", command):
            return replace(setup, why=f"{source} runs pytest")
    if any(_PYTEST_STYLE.search(content) for content in contents):
        return replace(setup, why="the test files are written for pytest")
    return replace(setup, why="it runs unittest's cases as well")


def _unittest_files(files: ConfigFiles) -> Iterator[str]:
    for path in files.snapshot.python_files():
        has_test_name = path.isprintable() and matches(path, "test*.py")
        if has_test_name and b"unittest" in files.snapshot.read(path):
            yield path


def _sample(files: ConfigFiles, paths: Sequence[str]) -> Iterator[bytes]:
    for path in paths[:_MAX_SAMPLE_FILES]:
        if files.snapshot.entries[path].size <= _MAX_SAMPLE_BYTES:
            yield files.snapshot.read(path)


def _declared_commands(files: ConfigFiles) -> Iterator[tuple[str, str]]:
    for line in words(files.ini("tox.ini").get("testenv", {}).get("commands", "")):
        yield "tox.ini", line
    _, commands = nox_calls(files.syntax("noxfile.py"))
    for parts in commands:
        yield "noxfile.py", " ".join(parts)
    environments = table(files.toml("pyproject.toml"), "tool", "hatch", "envs")
    for environment in environments.values():
        for script in table(environment, "scripts").values():
            for line in words(script):
                yield "pyproject.toml", line


def pytest_options(files: ConfigFiles, folder: str = "") -> tuple[Table, str | None]:
    """Return pytest's own options and the file they are in, in pytest's order."""
    place = f"{folder}/" if folder else ""
    for name in (f"{place}pytest.ini", f"{place}.pytest.ini"):
        if files.exists(name):
            return files.ini(name).get("pytest", {}), name
    tool = table(files.toml(f"{place}pyproject.toml"), "tool", "pytest")
    if tool:
        return table(tool, "ini_options") or tool, f"{place}pyproject.toml"
    for name, section in ((f"{place}tox.ini", "pytest"), (f"{place}setup.cfg", "tool:pytest")):
        if section in files.ini(name):
            return files.ini(name)[section], name
    return {}, None


def _split(value: Any) -> tuple[str, ...]:
    if not isinstance(value, str):
        return words(value)
    try:
        return tuple(shlex.split(value, comments=True))
    except ValueError:
        return tuple(value.split())


def _present(files: ConfigFiles, path: str) -> bool:
    prefix = f"{path}/"
    return path == "." or any(p == path or p.startswith(prefix) for p in files.snapshot.entries)


def _matching(files: ConfigFiles, setup: TestSetup) -> Iterator[str]:
    places = [path.partition("::")[0] for path in setup.paths]
    for path in files.snapshot.python_files():
        if not path.isprintable():
            continue  # such names cannot stand in a test id
        has_test_name = any(matches(path, pattern) for pattern in setup.patterns)
        if (has_test_name and _below(path, places)) or path in places:
            yield path


def _holds_tests(files: ConfigFiles, path: str) -> bool:
    """A program may be called `…_test.py` and be none."""
    entry = files.snapshot.entries[path]
    return entry.size > _MAX_SAMPLE_BYTES or bool(_HOLDS_TESTS.search(files.snapshot.read(path)))


def _below(path: str, folders: Sequence[str]) -> bool:
    return not folders or any(f == "." or path == f or path.startswith(f"{f}/") for f in folders)


def matches(path: str, pattern: str) -> bool:
    """Say whether a file matches one of pytest's `python_files` patterns."""
    if "/" in pattern:
        return fnmatchcase(path, pattern) or fnmatchcase(path, f"*/{pattern}")
    return fnmatchcase(path.rpartition("/")[2], pattern)


def _only_folder(test_files: Sequence[str]) -> tuple[str, ...]:
    """Return the top folder that holds every test and is named for it, so that nothing else
    is searched."""
    tops = {path.partition("/")[0] if "/" in path else "" for path in test_files}
    return tuple(tops) if len(tops) == 1 and "test" in next(iter(tops)).lower() else ()


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
    patterns = (*setup.patterns, *_LOOSE_PATTERNS)
    relevant = [path for path in members if not path.endswith("/__init__.py")]
    tests = [path for path in relevant if any(matches(path, pattern) for pattern in patterns)]
    return len(tests) * 2 > len(relevant)


def is_test_file(path: str, setup: TestSetup) -> bool:
    if path in setup.known:
        return True
    return any(matches(path, pattern) for pattern in (*setup.patterns, *_LOOSE_PATTERNS))
