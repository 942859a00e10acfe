"""Telling a failing test from a machine that cannot run it, on texts as pytest writes them."""

from __future__ import annotations

import pytest

from agent.baseline.failures.environment_failures import (
    Cause,
    collection_breakage,
    environment_failure,
    startup_breakage,
)
from sandbox.runners.base import Outcome, TestResult


def _is_test(path: str) -> bool:
    return path.startswith("tests/")


def _failed(exception: str, message: str, details: str = "") -> TestResult:
    return TestResult(
        test_id="tests/test_a.py::test_a",
        outcome=Outcome.FAILED,
        exception=exception,
        message=message,
        details=details,
    )


@pytest.mark.parametrize(
    ("exception", "message", "cause", "words"),
    [
        (
            "builtins.ModuleNotFoundError",
            "ModuleNotFoundError: No module named 'numpy'",
            Cause.MISSING_MODULE,
            "`numpy` is missing",
        ),
        (
            "builtins.ModuleNotFoundError",
            "ModuleNotFoundError: No module named 'distutils'",
            Cause.WRONG_PYTHON,
            "--python",
        ),
        (
            "socket.gaierror",
            "gaierror: [Errno -3] Temporary failure in name resolution",
            Cause.NETWORK,
            "network",
        ),
        (
            "urllib.error.URLError",
            "URLError: <urlopen error [Errno -2] Name or service not known>",
            Cause.NETWORK,
            "network",
        ),
        (
            "builtins.ConnectionRefusedError",
            "ConnectionRefusedError: [Errno 111] Connection refused",
            Cause.SERVICE,
            "service",
        ),
        (
            "psycopg2.OperationalError",
            "OperationalError: could not connect to server: Connection refused",
            Cause.SERVICE,
            "database",
        ),
        (
            "builtins.OSError",
            "OSError: [Errno 28] No space left on device",
            Cause.NO_SPACE,
            "space",
        ),
    ],
)
def test_environment_at_fault(exception: str, message: str, cause: Cause, words: str) -> None:
    found = environment_failure(_failed(exception, message), {"pkg"})
    assert found is not None
    assert found.cause is cause
    assert words in found.sentence


def test_missing_program() -> None:
    message = "FileNotFoundError: [Errno 2] No such file or directory: 'ffmpeg'"
    found = environment_failure(
        _failed("builtins.FileNotFoundError", message, "subprocess.py:1: …"), ()
    )
    assert found is not None
    assert "`ffmpeg`" in found.sentence
    assert environment_failure(_failed("builtins.FileNotFoundError", message), ()) is None


@pytest.mark.parametrize(
    "message",
    [
        "AssertionError: assert 1 == 2",
        "ModuleNotFoundError: No module named 'pkg.missing'",
        "AttributeError: module 'pkg' has no attribute 'x'",
        "FileNotFoundError: [Errno 2] No such file or directory: 'data.txt'",
    ],
)
def test_source_at_fault(message: str) -> None:
    assert environment_failure(_failed("builtins.Exception", message), {"pkg"}) is None


SYNTAX = """\
tests/test_a.py:1: in <module>
    import pkg.core
E     File "{place}", line 3
E       def f(:
E             ^
E   SyntaxError: invalid syntax
"""


BROKEN = Cause.BROKEN_TEST


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (SYNTAX.format(place="pkg/core.py"), None),
        (SYNTAX.format(place="tests/test_a.py"), Cause.BROKEN_TEST),
        (SYNTAX.format(place="/env/lib/python3.11/site-packages/x.py"), Cause.WRONG_PYTHON),
        ("E   ModuleNotFoundError: No module named 'yaml'", Cause.MISSING_MODULE),
        ("E   ModuleNotFoundError: No module named 'pkg.gone'", None),
        (
            "E   ImportError: cannot import name 'Mapping' from 'collections' (/usr/lib/x.py)",
            Cause.WRONG_PYTHON,
        ),
        ("E   ImportError: cannot import name 'f' from 'pkg.core' (pkg/core.py)", None),
        (
            "E   ImportError: cannot import name 'escape' from 'jinja2' (/env/jinja2.py)",
            Cause.MISSING_MODULE,
        ),
        (
            "pkg/core.py:3: in <module>\nE   AttributeError: module 'inspect' has no attribute "
            "'getargspec'",
            Cause.WRONG_PYTHON,
        ),
        ("pkg/core.py:3: in <module>\nE   NameError: name 'x' is not defined", None),
        ("/env/lib/python3.8/site-packages/_pytest/mark.py:3: in f\nE   TypeError: no", BROKEN),
        ("tests/test_a.py:3: in <module>\n/usr/lib/python3/re.py:4: in f\nE   TypeError: n", None),
        ("/env/lib/python3.8/site-packages/pkg/core.py:3: in f\nE   TypeError: no", None),
    ],
)
def test_collection_errors(text: str, cause: Cause | None) -> None:
    found = collection_breakage("tests/test_a.py", text, {"pkg"}, _is_test)
    assert (found.cause if found else None) is cause


def test_what_the_runner_lacked_before_its_first_test() -> None:
    said = "    import ujson\nE   ModuleNotFoundError: No module named 'ujson'"
    found = startup_breakage(said, {"calc"})
    assert found is not None
    assert "`ujson` is missing" in found.sentence
    assert "--install" in found.sentence
    assert startup_breakage(said, {"ujson"}) is None
    assert startup_breakage("Fatal Python error", set()) is None


@pytest.mark.parametrize(
    ("text", "plugin"),
    [
        ("async def functions are not natively supported.", "pytest-asyncio, anyio or pytest-trio"),
        ("file test_a.py, line 1\nE       fixture 'mocker' not found", "pytest-mock"),
        ("E       fixture 'httpx_mock' not found", "pytest-httpx"),
    ],
)
def test_a_plugin_that_is_missing_is_named(text: str, plugin: str) -> None:
    breakage = environment_failure(_failed("Failed", "Failed", text), set())
    assert breakage is not None
    assert breakage.cause is Cause.MISSING_PLUGIN
    assert plugin in breakage.sentence


def test_a_marker_of_a_plugin_that_is_missing_ends_the_collection() -> None:
    text = "E   Failed: 'trio' not found in `markers` configuration option"
    breakage = collection_breakage("tests/test_a.py", text, set(), _is_test)
    assert breakage is not None
    assert "pytest-trio" in breakage.sentence


def test_a_fixture_of_the_project_that_is_missing_is_a_failure() -> None:
    assert environment_failure(_failed("Failed", "fixture 'database' not found"), set()) is None


def test_a_test_file_that_does_not_parse_is_told_with_its_line() -> None:
    text = """\
E     File "tests/test_a.py", line 2
E       assert 1 ==
E   SyntaxError: invalid syntax
"""
    broken = collection_breakage("tests/test_a.py", text, set(), lambda path: "test" in path)
    assert broken is not None
    assert "tests/test_a.py does not parse on this Python (line 2: invalid syntax)" in (
        broken.sentence
    )
