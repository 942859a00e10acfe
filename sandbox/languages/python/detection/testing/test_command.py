"""What a test command runs: pytest, or a program that runs unittest's cases one by one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from sandbox.languages.python.detection.config_files import ConfigFiles
from sandbox.languages.python.detection.test_setup import UNITTEST_PROGRAM, RunnerKind
from sandbox.languages.python.detection.testing.command_line import (
    CommandLine,
    command_lines,
    only_command,
)
from sandbox.languages.python.detection.testing.test_files import defines_tests, present

_RUNS_UNITTEST = re.compile(
    rb"DJANGO_SETTINGS_MODULE|django\.test|get_runner|execute_from_command_line"
    rb"|unittest\.main|TextTestRunner|unittest\.TestProgram|call_command\(.test"
)
_RUNS_PYTEST = re.compile(
    rb"pytest\.main|pytest\.console_main|['\"]pytest['\"]|subprocess|os\.system"
)
_RUNS_ITSELF = re.compile(rb"^[ \t]*unittest\.main\([ \t]*\)", re.M)
_LOADS_OTHERWISE = re.compile(rb"^def load_tests\b|\bdjango\b", re.M)
_ONE_PROCESS = frozenset(("--failfast", "--pdb", "--shuffle", "--timing"))
_MAX_SCRIPT_BYTES = 256 * 1024
_DOCTEST_TEXTS = (".txt", ".rst", ".md")


@dataclass(frozen=True, kw_only=True)
class TestCommand:
    """A test command that is understood."""

    __test__ = False

    runner: RunnerKind
    program: tuple[str, ...] = ()
    """What Python is started with: `-m` and a module, or a file relative to `folder`. For pytest
    where it takes the place of another program."""
    arguments: tuple[str, ...] = ()
    folder: str = "."
    variables: tuple[tuple[str, str], ...] = ()


def given_command(files: ConfigFiles, command: str) -> TestCommand:
    """The command that a person gave: what is not understood is left to a shell, whole."""
    line = only_command(command)
    read = _read(files, line) if line is not None else None
    return read or TestCommand(runner=RunnerKind.COMMAND, arguments=("sh", "-c", command))


def commands_of(files: ConfigFiles, command: str, folder: str = ".") -> Iterator[TestCommand]:
    """The test commands of a line that a project wrote for another tool."""
    for line in command_lines(command, folder):
        words = tuple(word for word in line.words if "$" not in word and "`" not in word)
        read = _read(files, _with_words(line, words)) if words else None
        # tox may change to a folder that is there only while it runs.
        if read is not None and (present(files, read.folder) or read.program == ()):
            yield read


def _with_words(line: CommandLine, words: Sequence[str]) -> CommandLine:
    return CommandLine(words=tuple(words), folder=line.folder, variables=line.variables)


def _read(files: ConfigFiles, line: CommandLine) -> TestCommand | None:
    words = line.words
    if words[0] == "-m" and len(words) > 1:
        name, arguments = words[1], words[2:]
        return _named(files, line, name, arguments) or _module(files, line, name, arguments)
    if words[0].endswith(".py"):
        return _script(files, line, words[0], words[1:])
    return _named(files, line, PurePosixPath(words[0]).name, words[1:])


def _named(
    files: ConfigFiles, line: CommandLine, name: str, arguments: tuple[str, ...]
) -> TestCommand | None:
    """A runner of its own, as a module or as a program."""
    if name in ("pytest", "py.test"):
        return _made(line, RunnerKind.PYTEST, (), arguments)
    if (name in ("unittest", "testtools.run") and line.words[0] == "-m") or name == "unittest":
        return _made(line, RunnerKind.UNITTEST, UNITTEST_PROGRAM, arguments)
    if name in ("trial", "twisted.trial"):
        return _made(line, RunnerKind.UNITTEST, ("-m", "twisted.trial"), _without_jobs(arguments))
    if name == "nose2":
        return _made(line, RunnerKind.UNITTEST, ("-m", "nose2"), arguments)
    if name == "stestr" and arguments[:1] in (("run",), ()):
        return _stestr(files, line, arguments[1:])
    if name in ("django-admin", "django") and arguments[:1] == ("test",):
        return _made(line, RunnerKind.UNITTEST, ("-m", "django"), _django(arguments))
    if name == "doctest" and line.words[0] == "-m":
        return _doctest(line, arguments)
    return None


def _made(
    line: CommandLine,
    runner: RunnerKind,
    program: tuple[str, ...],
    arguments: Sequence[str],
) -> TestCommand:
    return TestCommand(
        runner=runner,
        program=program,
        arguments=tuple(arguments),
        folder=line.folder,
        variables=line.variables,
    )


def _module(
    files: ConfigFiles, line: CommandLine, name: str, arguments: tuple[str, ...]
) -> TestCommand | None:
    """A module of the project that runs its tests when it is started."""
    top = "" if line.folder == "." else f"{line.folder}/"
    place = name.replace(".", "/")
    paths = [f"{top}{root}{place}{end}" for root in ("", "src/") for end in (".py", "/__main__.py")]
    for path in filter(files.exists, paths):
        if _runs_its_own_tests(files, path):
            return _made(line, RunnerKind.PYTEST, ("-m", name), [path.removeprefix(top)])
    if any(runs_unittest(files, path) for path in paths):
        return _made(line, RunnerKind.UNITTEST, ("-m", name), arguments)
    return None


def _script(
    files: ConfigFiles, line: CommandLine, name: str, arguments: tuple[str, ...]
) -> TestCommand | None:
    """A file of the project that runs its tests through unittest, Django's runner included. One
    that only holds tests is a place for pytest: started by itself it is called `__main__`."""
    path = PurePosixPath(line.folder, name).as_posix()
    if not files.exists(path):
        return None
    if _runs_its_own_tests(files, path):
        return _made(line, RunnerKind.PYTEST, (name,), [name])
    if not runs_unittest(files, path):
        return None
    if PurePosixPath(name).name == "manage.py":
        if arguments[:1] != ("test",):
            return None
        arguments = _django(arguments)
    return _made(line, RunnerKind.UNITTEST, (PurePosixPath(name).as_posix(),), arguments)


def runs_unittest(files: ConfigFiles, path: str) -> bool:
    """Whether a program of the project hands its tests to unittest's own runner, as far as its
    text tells."""
    if not files.exists(path) or files.snapshot.entries[path].size > _MAX_SCRIPT_BYTES:
        return False
    content = files.snapshot.read(path)
    return bool(_RUNS_UNITTEST.search(content)) and not _RUNS_PYTEST.search(content)


def _runs_its_own_tests(files: ConfigFiles, path: str) -> bool:
    """Whether a file holds tests and at its end runs them, found by their names alone."""
    content = files.snapshot.read(path) if defines_tests(files, path) else b""
    return bool(_RUNS_ITSELF.search(content)) and not _LOADS_OTHERWISE.search(content)


def _django(arguments: Sequence[str]) -> tuple[str, ...]:
    """Django's `test` in one process, which asks nobody whether a database may go."""
    words: list[str] = []
    stack = list(reversed(arguments))
    while stack:
        word = stack.pop()
        if word == "--parallel":
            if stack and (stack[-1].isdigit() or stack[-1] == "auto"):
                stack.pop()
        elif word.partition("=")[0] not in ("--parallel", *_ONE_PROCESS):
            words.append(word)
    return (*words, "--noinput")


def _without_jobs(arguments: Sequence[str]) -> tuple[str, ...]:
    words: list[str] = []
    stack = list(reversed(arguments))
    while stack:
        word = stack.pop()
        if word in ("-j", "--jobs"):
            stack = stack[:-1]
        elif not re.fullmatch(r"-j\d+|--jobs=.*|-x|--exitfirst|-u|--until-failure", word):
            words.append(word)
    return tuple(words)


def _stestr(
    files: ConfigFiles, line: CommandLine, arguments: tuple[str, ...]
) -> TestCommand | None:
    """stestr lists the tests by unittest's discovery, from the folders that its file names."""
    settings = files.ini(PurePosixPath(line.folder, ".stestr.conf").as_posix()).get("DEFAULT", {})
    settings = settings or _defaults(files.text(".stestr.conf"))
    start = _folder(settings.get("test_path", "."))
    top = _folder(settings.get("top_dir", "."))
    filters = [word for word in arguments if not word.startswith("-")]
    if any(not re.fullmatch(r"[\w.]+", word) for word in filters):
        return None  # an expression: unittest's own filter is a plain part of the name
    options = [part for word in filters for part in ("-k", word)]
    discovery = ("discover", "-s", start, "-t", top, *options)
    return _made(line, RunnerKind.UNITTEST, UNITTEST_PROGRAM, discovery)


def _defaults(text: str) -> dict[str, str]:
    """`name=value` lines: configparser keeps its DEFAULT section out of the others."""
    pairs = (line.partition("=") for line in text.splitlines() if not line.startswith(("#", ";")))
    return {name.strip(): value.strip() for name, equals, value in pairs if equals}


def _folder(text: str) -> str:
    """A folder; `${VARIABLE:-default}` stands for its default."""
    match = re.fullmatch(r"\$\{\w+:-(.*)\}", text.strip())
    return PurePosixPath(match[1] if match else text.strip()).as_posix()


def _doctest(line: CommandLine, arguments: tuple[str, ...]) -> TestCommand | None:
    """`python -m doctest FILE…` as pytest has it, one test for each docstring."""
    if any(word.startswith("-") and word != "-v" for word in arguments):
        return None
    names = [word for word in arguments if word != "-v"]
    texts = [PurePosixPath(name).name for name in names if name.endswith(_DOCTEST_TEXTS)]
    options = ["--doctest-modules", *(f"--doctest-glob={name}" for name in texts)]
    return _made(line, RunnerKind.PYTEST, (), [*options, *names]) if names else None
