"""What the patch asks the machine for and the base does not, in a sentence."""

from __future__ import annotations

from agent.validation.differential.machine_questions import INCOMPLETE, joined, sentences_of
from sandbox.languages.python.guest_programs.split_calls import machine_watch
from sandbox.languages.python.runners.split.messages import ON_IMPORT

CLIP, SAME = ("calc.py", "clip"), ("calc.py", "same")


def test_only_what_is_new_in_a_function_is_told() -> None:
    base = {CLIP: {"os.stat"}, ON_IMPORT: {"time.time"}}
    assert list(sentences_of({CLIP: {"os.stat", "time.time"}}, base)) == []
    assert list(sentences_of({SAME: {"os.stat"}, ON_IMPORT: {"os.getpid"}}, base)) == [
        "the change asks the machine for os.getpid, os.stat; the base does not"
    ]


def test_many_names_are_counted() -> None:
    names = {f"os.{letter}" for letter in "abcdefg"}
    assert list(sentences_of({CLIP: names}, {})) == [
        "the change asks the machine for os.a, os.b, os.c, os.d, os.e and 2 more; the base does not"
    ]


def test_a_watch_cut_short_is_told_whatever_the_base_does() -> None:
    asked = {CLIP: {INCOMPLETE}}
    assert len(list(sentences_of(asked, asked))) == 1


def test_both_sides_call_that_by_the_same_name() -> None:
    assert machine_watch.INCOMPLETE == INCOMPLETE


def test_runs_are_taken_together() -> None:
    assert joined({CLIP: {"a"}}, {CLIP: {"b"}, SAME: set()}) == {
        CLIP: frozenset("ab"),
        SAME: frozenset(),
    }
