"""Environment failures: tests that fail for the machine and not for the code under test."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum

from agent.baseline.failures.missing_plugins import missing_plugin
from sandbox.runners.base import TestReport, TestResult


class Cause(StrEnum):
    MISSING_MODULE = "missing_module"
    WRONG_PYTHON = "wrong_python"
    NETWORK = "network"
    SERVICE = "service"
    MISSING_PROGRAM = "missing_program"
    NO_SPACE = "no_space"
    CONFIGURATION = "configuration"
    MISSING_PLUGIN = "missing_plugin"
    MISSING_FILES = "missing_files"
    BROKEN_TEST = "broken_test"


@dataclass(frozen=True)
class EnvironmentFailure:
    """The cause for which a test failure tells nothing about the code under test."""

    cause: Cause
    sentence: str


NO_NETWORK = EnvironmentFailure(
    Cause.NETWORK, "the tests need the network, which the sandbox does not have"
)
NOTHING_LISTENS = EnvironmentFailure(
    Cause.SERVICE, "the tests need a service that does not listen here"
)
PYTEST_START_FAILURE_EXIT_CODES = (3, 4)
"""Exit codes of an internal error and of a wrong configuration:
https://docs.pytest.org/en/stable/reference/exit-codes.html"""
REMOVED_FROM_PYTHON = frozenset(
    [
        *("asynchat", "asyncore", "imp", "distutils", "smtpd", "cgi", "cgitb", "crypt", "nntplib"),
        *("telnetlib", "pipes", "parser", "formatter", "symbol", "binhex", "lib2to3", "imghdr"),
        *("sndhdr", "audioop", "aifc", "sunau", "chunk", "uu", "xdrlib", "nis", "spwd", "msilib"),
    ]
)
ADDED_TO_PYTHON = frozenset(["tomllib", "zoneinfo", "graphlib", "annotationlib"])

MISSING_MODULE = re.compile(r"(?:ModuleNotFoundError|ImportError): No module named '?([\w.]+)'?")
_MISSING_NAME = re.compile(
    r"ImportError: cannot import name '?(\w+)'? from '([\w.]+)'"
    r"|AttributeError: module '([\w.]+)' has no attribute '(\w+)'"
)
_FRAME = re.compile(r"^E?[^\S\n]*(?:File \"([^\"]+)\", line \d+|([^\s:][^:\n]*\.pyi?):\d+: )", re.M)
_LINE = re.compile(r'^(?:E\s+)?\s*File "[^"\n]+", line (\d+)$', re.M)
"""Of a source that does not parse: a frame that ran names its function, too."""
_SYNTAX = re.compile(r"^(?:E\s+)?(?:\w+\.)*(SyntaxError|IndentationError|TabError): (.*)$", re.M)
_NETWORK = re.compile(
    r"gaierror|Name or service not known|Temporary failure in name resolution|"
    r"Network is unreachable|NewConnectionError|NameResolutionError|nodename nor servname|"
    r"No address associated with hostname|Max retries exceeded with url|"
    r"ConnectError: \[Errno|URLError: <urlopen error \[Errno"
)
_SERVICE = re.compile(
    r"psycopg2?\.OperationalError|pymysql\.err\.OperationalError|redis\.exceptions\.Connection|"
    r"pymongo\.errors\.ServerSelectionTimeout|sqlalchemy\.exc\.OperationalError.*connect|"
    r"amqp.*ConnectionRefused|docker\.errors\.DockerException|"
    r"Can't connect to MySQL|could not connect to server"
)
_OUTGROWN = re.compile(
    r"PluginValidationError|PytestRemovedIn\d+Warning|PytestDeprecationWarning: .*removed"
    r"|cannot import name '\w+' from '_pytest|No module named '_pytest"
    r"|module '_?pytest[\w.]*' has no attribute|Failed: Marks cannot be applied to fixtures"
)
_REFUSED = re.compile(r"ConnectionRefusedError|\[Errno 111\]|\[Errno 61\]")
_PROGRAM = re.compile(
    r"FileNotFoundError: \[Errno 2\] No such file or directory: '([\w.+-]+)'$", re.M
)


def environment_failure(result: TestResult, modules: Collection[str]) -> EnvironmentFailure | None:
    """The environment failure behind a failing test; None when the code itself fails."""
    text = f"{result.exception}: {result.message}"
    missing_import = MISSING_MODULE.search(text)
    if missing_import:
        return _missing_module(missing_import.group(1), modules)
    plugin = missing_plugin(f"{text}\n{result.details}")
    if plugin is not None:
        return EnvironmentFailure(Cause.MISSING_PLUGIN, plugin)
    program = _PROGRAM.search(result.message)
    if program and "subprocess" in result.details:
        name = program.group(1)
        return EnvironmentFailure(Cause.MISSING_PROGRAM, f"the tests need the program `{name}`")
    return _outside_world(text)


def collection_breakage(
    path: str, text: str, modules: Collection[str], is_test_path: Callable[[str], bool]
) -> EnvironmentFailure | None:
    """Why a file cannot be collected for reasons that are not the project's source.

    `text` is the traceback, files of the project relative to the workspace. None means the
    source is at fault: that is a failure to repair.
    """
    missing_imports = MISSING_MODULE.findall(text)
    if missing_imports:
        return _missing_module(missing_imports[-1], modules)
    plugin = missing_plugin(text)
    if plugin is not None:
        return EnvironmentFailure(Cause.MISSING_PLUGIN, plugin)
    places = [old_frame or new_frame for old_frame, new_frame in _FRAME.findall(text)]
    syntax = _SYNTAX.search(text)
    if syntax:
        lines = _LINE.findall(text[: syntax.start()])
        message = f"line {lines[-1]}: {syntax.group(2)}" if lines else syntax.group(2)
        return _syntax(path, places[-1] if places else path, message, is_test_path)
    name = _MISSING_NAME.search(text)
    if name:
        module = name.group(2) or name.group(3)
        attribute = name.group(1) or name.group(4)
        root = module.partition(".")[0]
        if root in sys.stdlib_module_names and root not in modules:
            return EnvironmentFailure(
                Cause.WRONG_PYTHON,
                f"this Python's `{module}` has no `{attribute}`; choose another with --python",
            )
        if root not in modules:
            return EnvironmentFailure(
                Cause.MISSING_MODULE,
                f"the installed `{root}` has no `{attribute}`: another version of it is needed",
            )
    if places and all(_installed(file, modules) for file in places):
        sentence = f"the installed pytest cannot collect it ({last_line(text)[:150]})"
        return EnvironmentFailure(Cause.BROKEN_TEST, sentence)
    return _outside_world(text)


def last_line(text: str) -> str:
    """What a traceback of pytest ends with: the exception and its message."""
    return text.strip().rsplit("\n", 1)[-1].removeprefix("E").strip()


def _installed(file: str, modules: Collection[str]) -> bool:
    """Whether a file belongs to Python or to a package that is not the project's own."""
    _, separator, package_path = file.partition("/site-packages/")
    if separator:
        return package_path.partition("/")[0].removesuffix(".py") not in modules
    return "/lib/python" in file


def startup_breakage(text: str, modules: Collection[str]) -> EnvironmentFailure | None:
    """What is missing where the runner ended before its first test, in a `conftest.py` say."""
    missing_imports = MISSING_MODULE.findall(text)
    if missing_imports:
        return _missing_module(missing_imports[-1], modules)
    plugin = missing_plugin(text)
    return None if plugin is None else EnvironmentFailure(Cause.MISSING_PLUGIN, plugin)


def _missing_module(name: str, modules: Collection[str]) -> EnvironmentFailure | None:
    root = name.partition(".")[0]
    if root in modules:
        return None  # the project's own: a wrong import is a bug like another
    if root in REMOVED_FROM_PYTHON:
        sentence = f"the tests need `{root}`, which newer Pythons lack; choose one with --python"
        return EnvironmentFailure(Cause.WRONG_PYTHON, sentence)
    if root in ADDED_TO_PYTHON or root in sys.stdlib_module_names:
        sentence = f"the tests need `{root}`, which this Python lacks; choose one with --python"
        return EnvironmentFailure(Cause.WRONG_PYTHON, sentence)
    return EnvironmentFailure(
        Cause.MISSING_MODULE,
        f"the module `{root}` is missing; name the command that installs it with --install",
    )


def _syntax(
    collected: str, file: str, message: str, is_test_path: Callable[[str], bool]
) -> EnvironmentFailure | None:
    if "site-packages" in file or "/lib/python" in file:
        sentence = f"an installed package does not parse on this Python ({message})"
        return EnvironmentFailure(Cause.WRONG_PYTHON, sentence + "; choose another with --python")
    if file == collected or is_test_path(file):
        where = f", in {file}" if file != collected else ""
        sentence = f"the test file {collected} does not parse on this Python ({message}{where})"
        return EnvironmentFailure(Cause.BROKEN_TEST, sentence + "; choose another with --python")
    return None


def _outside_world(text: str) -> EnvironmentFailure | None:
    if _SERVICE.search(text):
        return EnvironmentFailure(
            Cause.SERVICE, "the tests need a database or service that is not here"
        )
    if _NETWORK.search(text):
        return NO_NETWORK
    if _REFUSED.search(text):
        return NOTHING_LISTENS
    if "[Errno 28]" in text:
        sentence = "the sandbox ran out of disk space; raise REPAIR_WORKSPACE_MEBIBYTES"
        return EnvironmentFailure(Cause.NO_SPACE, sentence)
    return None


def pytest_gave_up(report: TestReport) -> bool:
    """Whether pytest ended before the first test, over something other than the tests."""
    return not report.results and report.command.exit_code in PYTEST_START_FAILURE_EXIT_CODES


def outgrown_pytest(report: TestReport) -> bool:
    """The project's plugins, `conftest.py` or a test file use what this version of pytest no
    longer has, or warns of where the project takes warnings for errors."""
    if any(_OUTGROWN.search(text) for text in report.collection_errors.values()):
        return True  # the tests of that file would guard nothing
    output = report.command.stderr + report.command.stdout
    return pytest_gave_up(report) and _OUTGROWN.search(output) is not None
