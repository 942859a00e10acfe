"""Telling a patch that is equal to the developers' from one that only passes the tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.equivalence import (
    CallAgreement,
    Comparison,
    Equivalence,
    Version,
    agreement,
    changed_functions,
    same_program,
    verdict_of,
)

BASE = "def clip(value, low, high):\n    return min(value, high)\n"
FIXED = "def clip(value, low, high):\n    return max(low, min(value, high))\n"
SAME_BEHAVIOUR = (
    "def clip(value, low, high):\n    kept = min(value, high)\n"
    "    return low if low > kept else kept\n"
)
OVERFITTED = (
    "def clip(value, low, high):\n    if value < 0:\n        return low\n"
    "    return min(value, high)\n"
)
TESTS = """
import pytest
from pack.mod import clip

@pytest.mark.parametrize("value", [5, 9, 3, 1, 7])
def test_inside(value):
    assert clip(value, 0, 10) == value

def test_below():
    assert clip(-5, 0, 10) == 0
"""


def test_layout_comments_and_docstrings_do_not_matter() -> None:
    assert same_program(
        b"def f(a):\n    return a+1\n", b'def f(a):\n  "Doc."\n  return a + 1  # x\n'
    )
    assert not same_program(b"def f(a):\n    return a+1\n", b"def f(a):\n    return a+2\n")
    assert not same_program(b"def f(a:\n", b"def f(a:\n")


def test_changed_functions_are_named_with_their_class() -> None:
    before = b"class A:\n    def f(self): return 1\n    def g(self): return 1\n"
    after = b"class A:\n    def f(self): return 2\n    def g(self): return 1\n"
    assert changed_functions(before, after) == ["A.f"]


def test_agreement_without_telling_calls_says_nothing() -> None:
    silent = CallAgreement(compared=500, differing=0, telling=0, example="")
    assert verdict_of(silent) is Equivalence.UNKNOWN
    few = CallAgreement(compared=3, differing=0, telling=3, example="")
    assert verdict_of(few) is Equivalence.UNKNOWN


def test_a_call_that_ours_does_not_answer_differs() -> None:
    found = agreement({(0, 0): "value:1", (0, 1): "value:2"}, {(0, 0): "value:1"}, {})
    assert (found.compared, found.differing, found.telling) == (2, 1, 2)
    assert verdict_of(found) is Equivalence.DIFFERS


def project(folder: Path, source: str) -> Version:
    (folder / "pack").mkdir(parents=True)
    (folder / "tests").mkdir()
    (folder / "pack" / "__init__.py").touch()
    (folder / "pack" / "mod.py").write_text(source)
    (folder / "tests" / "test_mod.py").write_text(TESTS)
    return Version(folder=folder, import_root=".")


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("source", "expected", "why"),
    [
        (FIXED + "# a comment\n", Equivalence.EQUAL, "the same program"),
        (SAME_BEHAVIOUR, Equivalence.EQUAL, "calls"),
        (OVERFITTED, Equivalence.DIFFERS, "calls"),
        (BASE, Equivalence.DIFFERS, "tests"),
    ],
)
def test_patches_are_judged_by_what_they_do(
    tmp_path: Path, source: str, expected: Equivalence, why: str
) -> None:
    comparison = Comparison(
        base=project(tmp_path / "base", BASE),
        ours=project(tmp_path / "ours", source),
        theirs=project(tmp_path / "theirs", FIXED),
        source="pack/mod.py",
        test_files=("tests/test_mod.py",),
        python=sys.executable,
        suite_seconds=60,
    )
    verdict = comparison.judge()
    assert (verdict["equivalence"], verdict["why"]) == (expected, why)


def test_the_guest_is_plain_python(tmp_path: Path) -> None:
    """It runs where nothing of ours is installed."""
    guest = Path(__file__).resolve().parents[3] / "benchmarks" / "calls_guest.py"
    calls = tmp_path / "calls.pickle"
    subprocess.run(
        [
            sys.executable,
            "-c",
            "import pickle,sys; pickle.dump([], open(sys.argv[1], 'wb'))",
            calls,
        ],
        check=True,
    )
    ended = subprocess.run(
        [sys.executable, "-I", str(guest), str(calls), "1", "3"],
        capture_output=True,
        check=True,
    )
    assert ended.stdout == b""
