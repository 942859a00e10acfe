"""Decides how a project's tests are run: by the command given, the configuration, the commands
that the project itself runs, and what its test files look like."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from sandbox.languages.python.detection.config_files import ConfigFiles
from sandbox.languages.python.detection.test_setup import (
    DEFAULT_PATTERNS,
    UNITTEST_PROGRAM,
    RunnerKind,
    TestSetup,
    prepares_tests,
)
from sandbox.languages.python.detection.testing.declared import declared_commands
from sandbox.languages.python.detection.testing.discovery import (
    UNITTEST_PATTERN,
    discovered_files,
    distinct_commands,
    named_files,
    read_discovery,
)
from sandbox.languages.python.detection.testing.doctests import with_doctests
from sandbox.languages.python.detection.testing.pytest_arguments import (
    options_and_places,
    which_tests,
)
from sandbox.languages.python.detection.testing.pytest_configuration import configured_pytest
from sandbox.languages.python.detection.testing.test_command import (
    TestCommand,
    given_command,
    runs_unittest,
)
from sandbox.languages.python.detection.testing.test_files import (
    matches,
    only_folder,
    sample,
    test_files,
)

_PYTEST_STYLE = re.compile(
    rb"^(?:import pytest\b|from pytest\b|(?:async )?def test_|class Test\w*(?:\(object\))?\s*:)",
    re.M,
)
_DJANGO_TEST = re.compile(rb"^[ \t]*(?:from|import) (?:django|rest_framework)\b", re.M)


def find_tests(files: ConfigFiles, command: str | None) -> TestSetup:
    """Decide from the user's command, then the configuration, then the project's own commands,
    then the test files."""
    setup, source = configured_pytest(files)
    if command is not None:
        return with_doctests(files, _given(files, setup, command))
    commands = list(declared_commands(files))
    setup = _with_files(files, _with_own_pytest(files, setup, commands))
    if source is None:
        setup = _from_commands(files, setup, commands)
    return with_doctests(files, setup)


def _with_files(files: ConfigFiles, setup: TestSetup) -> TestSetup:
    places = [path.partition("::")[0] for path in setup.paths]
    test_paths = tuple(test_files(files, setup.patterns, places))
    has_examples = "--doctest-modules" in (*setup.addopts, *setup.arguments)
    folder = () if has_examples else only_folder(test_paths)
    return replace(setup, files=test_paths, paths=setup.paths or folder)


# A command that a person gave


def _given(files: ConfigFiles, setup: TestSetup, command: str) -> TestSetup:
    read = given_command(files, command)
    setup = replace(
        setup,
        given=True,
        named=tuple(_named_files(files, command)),
        why=f"the test command given is `{command}`",
    )
    if read.runner is RunnerKind.COMMAND:
        setup = replace(setup, runner=read.runner, arguments=read.arguments, paths=())
    elif read.runner is RunnerKind.UNITTEST:
        return _unittest(files, setup, read)
    else:
        options, places = options_and_places(files, read)
        setup = replace(
            setup,
            arguments=options,
            paths=places or setup.paths or (() if read.folder == "." else (read.folder,)),
            folder=read.folder,
            variables=read.variables,
        )
    return _with_files(files, setup)


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


# The project's own commands


def _with_own_pytest(
    files: ConfigFiles, setup: TestSetup, declared: Sequence[tuple[str, TestCommand]]
) -> TestSetup:
    """What the project's own pytest commands say beyond its configuration: the places they name
    all together, unless one names none, and options of the first that has some."""
    commands = [command for _, command in declared if command.runner is RunnerKind.PYTEST]
    read = [options_and_places(files, command) for command in commands]
    options = next((selection for words, _ in read if (selection := which_tests(words))), ())
    groups = [places for _, places in read]
    places = dict.fromkeys(place for group in groups for place in group) if all(groups) else {}
    named_places = tuple(place for place in places if "::" not in place)
    # Beside the configured places a command may name sources, for their examples.
    more = named_places if "--doctest-modules" in options else ()
    paths = tuple(dict.fromkeys((*setup.paths, *more))) if setup.paths else named_places
    new = tuple(option for option in options if option not in setup.addopts)
    return replace(setup, paths=paths, addopts=(*setup.addopts, *new))


def _from_commands(
    files: ConfigFiles, setup: TestSetup, declared: Sequence[tuple[str, TestCommand]]
) -> TestSetup:
    for source, command in declared if setup.files else ():
        if command.runner is RunnerKind.PYTEST:
            text = shlex.join(("python", *command.program))[:200] if command.program else "pytest"
            return replace(setup, why=f"{source} runs `{text}`")
    for source, command in declared:
        if command.runner is RunnerKind.UNITTEST:
            listed = [c for s, c in declared if s == source and c.runner is RunnerKind.UNITTEST]
            return _all_calls(files, setup, source, listed)
    return _django(files, setup) or _by_evidence(files, setup)


def _all_calls(
    files: ConfigFiles, setup: TestSetup, source: str, listed: Sequence[TestCommand]
) -> TestSetup:
    """The commands that one file of the project lists, all of them: run together by pytest where
    it finds the same, else one after the other. Of programs that prepare what their tests need
    only the first is run, since one process cannot be prepared in two ways."""
    commands = distinct_commands(files, listed)
    texts = [shlex.join(("python", *c.program, *c.arguments))[:200] for c in commands]
    why = f"{source} runs {', '.join(f'`{text}`' for text in texts)}"
    others = {c for c in listed if prepares_tests(c.program)} - set(commands)
    if others:
        why += f", and not {len(others)} other of its commands, which prepare their tests otherwise"
    setup = replace(setup, why=why)
    return _all_as_pytest(files, setup, commands) or _merged(
        [_unittest(files, setup, command) for command in commands]
    )


def _merged(setups: Sequence[TestSetup]) -> TestSetup:
    """The first with the files of all, and the calls of the others."""
    first = setups[0]
    return replace(
        first,
        more=tuple(call for setup in setups[1:] for call in setup.calls),
        files=tuple(dict.fromkeys(path for setup in setups for path in setup.files)),
        patterns=tuple(dict.fromkeys(name for setup in setups for name in setup.patterns)),
        named=tuple(dict.fromkeys(path for setup in setups for path in setup.named)),
    )


def _all_as_pytest(
    files: ConfigFiles, setup: TestSetup, commands: Sequence[TestCommand]
) -> TestSetup | None:
    """`_as_pytest` of each, together; None also where two files have one name, which pytest may
    take for one module."""
    setups = [_as_pytest(files, setup, command) for command in commands]
    found = [each for each in setups if each is not None]
    merged = _merged(found) if len(found) == len(setups) else None
    if merged is None or len(found) == 1:
        return merged
    if len({PurePosixPath(path).name for path in merged.files}) < len(merged.files):
        return None
    is_everywhere = any(each.paths == setup.paths for each in found)
    paths = dict.fromkeys(path for each in found for path in each.paths)
    return replace(merged, more=(), paths=setup.paths if is_everywhere else tuple(paths))


def _unittest(files: ConfigFiles, setup: TestSetup, command: TestCommand) -> TestSetup:
    """The command as it is, and the files that it loads."""
    setup = replace(
        setup,
        runner=RunnerKind.UNITTEST,
        program=command.program,
        arguments=command.arguments,
        folder=command.folder,
        variables=command.variables,
        paths=(),
        named=(*setup.named, *_program_files(files, command)),
    )
    if command.program != UNITTEST_PROGRAM:
        place = () if command.folder == "." else (command.folder,)
        patterns = (UNITTEST_PATTERN, *_patterns_of(command.arguments))
        return replace(setup, files=tuple(test_files(files, patterns, place)))
    discovery = read_discovery(command.arguments)
    named_paths = tuple(named_files(files, discovery.names, command.folder))
    paths = () if discovery.names else tuple(discovered_files(files, discovery, command.folder))
    new = () if discovery.pattern == UNITTEST_PATTERN else (discovery.pattern,)
    return replace(setup, files=(*paths, *named_paths), patterns=(*DEFAULT_PATTERNS, *new))


def _program_files(files: ConfigFiles, command: TestCommand) -> tuple[str, ...]:
    name = command.program[-1]
    place = PurePosixPath(command.folder, name).as_posix()
    module = PurePosixPath(command.folder, name.replace(".", "/")).as_posix()
    candidates = (place, f"{module}.py", f"{module}/__main__.py")
    return tuple(path for path in candidates if files.exists(path))


def _patterns_of(arguments: Sequence[str]) -> Iterator[str]:
    """Patterns of file names in the arguments of Django's `test`."""
    for position, word in enumerate(arguments):
        if word in ("-p", "--pattern") and position + 1 < len(arguments):
            yield arguments[position + 1]
        elif word.startswith("--pattern="):
            yield word.partition("=")[2]


def _as_pytest(files: ConfigFiles, setup: TestSetup, command: TestCommand) -> TestSetup | None:
    """pytest in place of a plain discovery by unittest, where it finds the same files and imports
    them as unittest does; None where it would not."""
    discovery = read_discovery(command.arguments)
    is_plain = command.program == UNITTEST_PROGRAM and command.folder == "."
    if not is_plain or command.variables or discovery.names or discovery.filtered or discovery.top:
        return None
    unittest_files = set(discovered_files(files, discovery))
    start = discovery.start
    is_same = unittest_files and unittest_files == set(test_files(files, setup.patterns, [start]))
    if not is_same or (start != "." and files.exists(f"{start}/__init__.py")):
        return None
    if _loads_by_itself(sample(files, sorted(unittest_files))):
        return None
    paths = setup.paths if start == "." else (start,)
    found_in_order = tuple(path for path in files.snapshot.python_files() if path in unittest_files)
    return replace(
        setup, paths=paths, files=found_in_order, why=f"{setup.why}, and pytest finds the same"
    )


def _loads_by_itself(contents: Iterator[bytes]) -> bool:
    return any(re.search(rb"^def load_tests\b", content, re.M) for content in contents)


# No command at all


def _django(files: ConfigFiles, setup: TestSetup) -> TestSetup | None:
    """Django's own runner where the tests are Django's, and not written for pytest."""
    candidates = list(test_files(files, (UNITTEST_PATTERN,), ()))
    contents = list(sample(files, candidates))
    if not any(_DJANGO_TEST.search(content) for content in contents):
        return None
    if any(re.search(rb"\bpytest\b", content) for content in contents):
        return None
    for path in _django_programs(files):
        folder, _, name = path.rpartition("/")
        arguments = ("test", "--noinput") if name == "manage.py" else ()
        command = TestCommand(
            runner=RunnerKind.UNITTEST, program=(name,), arguments=arguments, folder=folder or "."
        )
        why = f"the tests are Django's, and {path} runs them"
        return _unittest(files, replace(setup, why=why), command)
    return None


def _django_programs(files: ConfigFiles) -> Iterator[str]:
    """`manage.py` or a script for tests, at the top or one folder down."""
    names = ("manage.py", "runtests.py", "run_tests.py", "runtest.py", "quicktest.py")
    shallow = [path for path in files.snapshot.python_files() if path.count("/") <= 1]
    for name in names:
        for path in sorted(shallow, key=lambda path: path.count("/")):
            if path.rpartition("/")[2] == name and runs_unittest(files, path):
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
    contents = list(sample(files, setup.files))
    if _loads_by_itself(iter(contents)):
        return replace(setup, runner=RunnerKind.UNITTEST, why="a test file has a load_tests")
    if any(_PYTEST_STYLE.search(content) for content in contents):
        return replace(setup, why="the test files are written for pytest")
    return replace(setup, why="it runs unittest's cases as well")


def _unittest_files(files: ConfigFiles) -> Iterator[str]:
    for path in files.snapshot.python_files():
        has_test_name = path.isprintable() and matches(path, "test*.py")
        if has_test_name and b"unittest" in files.snapshot.read(path):
            yield path
