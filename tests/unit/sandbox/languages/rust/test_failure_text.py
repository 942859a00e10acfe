"""What is read of what Rust's tests print, as Rust 1.95 prints it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.languages.rust.guest_programs.failure_text import Places, failure, printed

HEAD = "warning: `--logfile` is deprecated\nrunning 1 test\ntest tests::at ... "
PANIC = """
thread 'tests::at' (1045) panicked at a/src/inner.rs:1:41:
index out of bounds: the len is 1 but the index is 2
stack backtrace:
   0: __rustc::rust_begin_unwind
             at /rustc/59807616/library/std/src/panicking.rs:689:5
   1: a::inner::at
             at ./src/inner.rs:1:41
   2: a::tests::at::h0123456789abcdef
             at ./src/lib.rs:12:20
   3: core::ops::function::FnOnce::call_once
             at /rustc/59807616/library/core/src/ops/function.rs:250:5
note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.
"""
TAIL = (
    "FAILED\n\nfailures:\n\nfailures:\n    tests::at\n\ntest result: FAILED. 0 passed; 1 failed\n\n"
)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    (tmp_path / "a/src").mkdir(parents=True)
    for name in ("inner.rs", "lib.rs"):
        (tmp_path / "a/src" / name).write_text("")
    return Places(str(tmp_path), str(tmp_path), str(tmp_path / "a"))


def test_a_panic_says_where_it_came_from(places: Places) -> None:
    result = failure(HEAD + "hi\n" + PANIC + TAIL, "tests::at", places)
    assert result["message"] == "index out of bounds: the len is 1 but the index is 2"
    assert result["exception"] == "panic"
    assert result["frames"] == [["a/src/lib.rs", 12, "at"], ["a/src/inner.rs", 1, "at"]]
    assert result["details"].startswith("hi")
    assert "stack backtrace" not in result["details"]


def test_without_a_backtrace_there_is_the_place_of_the_panic(places: Places) -> None:
    text = PANIC.partition("stack backtrace")[0]
    assert failure(HEAD + text + TAIL, "tests::at", places)["frames"] == [["a/src/inner.rs", 1, ""]]


def test_the_last_panic_counts(places: Places) -> None:
    text = "thread 'x' panicked at a/src/lib.rs:2:1:\ncaught\nnote: run with `RUST_BACKTRACE=1`\n"
    result = failure(HEAD + text + PANIC + TAIL, "tests::at", places)
    assert result["message"].startswith("index out of bounds")


def test_an_error_that_is_returned_is_the_message(places: Places) -> None:
    result = failure(HEAD + 'Error: "bad"\n' + TAIL, "tests::at", places)
    assert (result["message"], result["exception"], result["frames"]) == ('"bad"', "", [])


def test_a_panic_that_did_not_come(places: Places) -> None:
    head = HEAD.replace(" ...", " - should panic ...")
    text = f"{head}FAILED\n\nfailures:\n\n---- tests::at stdout ----\n"
    text += "note: test did not panic as expected at src/lib.rs:5:8\n\nfailures:\n    tests::at\n"
    assert "did not panic as expected" in failure(text, "tests::at", places)["message"]


def test_what_the_program_of_tests_says_is_left_out() -> None:
    assert printed(HEAD + "FAILED a\n" + TAIL, "tests::at") == "FAILED a"


def test_places_of_the_compiler_count_from_the_top(tmp_path: Path) -> None:
    (tmp_path / "deep/src").mkdir(parents=True)
    (tmp_path / "deep/src/lib.rs").write_text("")
    inside = Places(str(tmp_path), str(tmp_path / "deep"), str(tmp_path / "deep"))
    text = "error[E0425]: cannot find\n --> src/lib.rs:3:5\n  |\n ::: src/other.rs:1:1\n"
    told = inside.compiled(text)
    assert "--> deep/src/lib.rs:3:5" in told
    assert "::: src/other.rs:1:1" in told
