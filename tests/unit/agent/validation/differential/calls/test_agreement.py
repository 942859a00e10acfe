"""What several patches answer to the same calls, and the question it leaves."""

from __future__ import annotations

from dataclasses import replace

from agent.validation.differential.calls.agreement import signs_of_patch
from agent.validation.differential.calls.common_calls import CommonCalls, kind_of

CALLS = CommonCalls(
    calls=("f(1)", "f(2)", "f(30)"),
    base=("returned [1, []]", "returned [2, []]", 'raised ["builtins.KeyError"]'),
    patches=(
        ("returned [1, []]", 'returned [["r", 2], [[2, ["list", [7]]]]]', "returned [3, []]"),
        ("returned [1, []]", 'returned [["r", 2], [[2, ["list", [7]]]]]', "returned [3, []]"),
        ("returned [1, []]", 'raised ["builtins.ValueError"]', "returned [3, []]"),
    ),
    guards=2,
)


def test_patches_that_answer_alike_agree() -> None:
    signs = signs_of_patch(CALLS, 0, 3)
    assert (signs.compared, signs.changed, signs.raises, signs.cured) == (3, 1, 0, 1)
    assert (signs.rivals, signs.disagreeing, signs.guards) == (2, 1, 2)
    assert signs.changed_example == "f(2)"


def test_where_they_differ_the_reader_is_asked() -> None:
    asked = signs_of_patch(CALLS, 0, 3).question
    assert asked == "should `f(2)` be [7], as with this patch, or an error (ValueError)?"


def test_without_calls_nothing_tells_them_apart() -> None:
    signs = signs_of_patch(CommonCalls(), 1, 3)
    assert (signs.compared, signs.rivals, signs.disagreeing) == (0, 2, 2)
    assert not signs.question


def test_an_error_that_the_failing_test_demands_is_an_answer() -> None:
    raised = 'raised ["builtins.ValueError"]'
    assert kind_of("returned [1, []]", raised) == "raises"
    assert kind_of("returned [1, []]", raised, {"ValueError"}) == "changed"
    assert kind_of("returned [1, []]", "hung", {"ValueError"}) == "raises"
    assert signs_of_patch(CALLS, 2, 3).raises == 1
    signs = signs_of_patch(CALLS, 2, 3, {"ValueError"})
    assert (signs.raises, signs.changed) == (0, 1)


def test_patches_are_compared_where_both_answered() -> None:
    short = (*CALLS.patches[0][:2], None)
    common = replace(CALLS, patches=(CALLS.patches[0], short, (None, None, None)))
    signs = signs_of_patch(common, 0, 2)
    assert (signs.rivals, signs.disagreeing, signs.question) == (1, 0, "")
    # Of one that could not be loaded nobody knows what it answers, and nothing is asked of it.
    unknown = signs_of_patch(common, 0, 3)
    assert (unknown.disagreeing, unknown.question) == (1, "")
