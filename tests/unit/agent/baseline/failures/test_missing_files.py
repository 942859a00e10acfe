"""Tests that fail for want of a file of the repository, and those that find a bug."""

from __future__ import annotations

import pytest

from agent.baseline.failures.missing_files import RepositoryFiles
from sandbox.runners.base import Frame, Outcome, TestResult

FILES = RepositoryFiles(
    paths=("a/src/core/util.py", "a/tests/test_a.py", "a/tests/data/in.json", "app/x.py"),
    is_test_path=lambda path: "tests/" in path,
    import_roots=(".", "b/src"),
    submodules=("vendor/lib", "tests/corpus"),
)
NO_FILE = "FileNotFoundError: [Errno 2] No such file or directory: '{}'"


def failed(message: str, *frames: str) -> TestResult:
    return TestResult(
        test_id="a/tests/test_a.py::test_a",
        outcome=Outcome.FAILED,
        message=message,
        frames=tuple(Frame(path=path, line=1, function="f") for path in frames),
    )


@pytest.mark.parametrize(
    ("message", "frames", "words"),
    [
        ("ModuleNotFoundError: No module named 'lib'", (), "the submodule vendor/lib is empty"),
        (NO_FILE.format("tests/corpus/x"), ("app/x.py",), "the submodule tests/corpus is empty"),
        (NO_FILE.format("tests/data/in.json"), ("app/x.py",), "`repair PATH/a`"),
        (NO_FILE.format("a/tests/big.bin"), ("a/tests/test_a.py",), "reads a/tests/big.bin"),
        ("ModuleNotFoundError: No module named 'core.util'", (), "lies at a/src/core/util.py"),
    ],
)
def test_what_is_missing_is_named(message: str, frames: tuple[str, ...], words: str) -> None:
    explained = FILES.explain(failed(message, *frames))
    assert explained is not None
    assert words.replace("reads", "read") in explained.sentence


@pytest.mark.parametrize(
    ("message", "frames"),
    [
        (NO_FILE.format("a/tests/data/out.json"), ("a/tests/test_a.py", "app/x.py")),
        (NO_FILE.format("/tmp/out.json"), ("a/tests/test_a.py",)),
        (NO_FILE.format("out.json"), ("a/tests/test_a.py",)),
        ("ModuleNotFoundError: No module named 'app.y'", ()),
        ("AssertionError: assert 1 == 2", ("a/tests/test_a.py",)),
    ],
)
def test_what_the_source_may_have_done_is_a_failure(message: str, frames: tuple[str, ...]) -> None:
    assert FILES.explain(failed(message, *frames)) is None
