"""What is said of an exception: by itself, in a group, and behind others."""

from __future__ import annotations

from typing import Any

from sandbox.languages.python.guest_programs.harness.outcomes import (
    MAX_DETAILS_CHARACTERS,
    MAX_RELATED_CHARACTERS,
    MAX_RELATED_SHOWN,
    failure,
)


class MultiError(Exception):
    """As trio had it, and the backport `exceptiongroup`: no class of this interpreter's own."""

    def __init__(self, *exceptions: BaseException) -> None:
        super().__init__("several")
        self.exceptions = exceptions


class Hostile(Exception):
    """Every look at it fails or never ends."""

    @property
    def exceptions(self) -> Any:
        raise KeyboardInterrupt

    def __str__(self) -> str:
        raise SystemExit

    def __eq__(self, other: object) -> bool:
        raise AssertionError

    __hash__ = None  # type: ignore[assignment]


def test_a_group_is_named_after_what_all_of_it_is() -> None:
    group = MultiError(MultiError(KeyError("a")), KeyError("b"))
    said = failure(group, "/workspace")
    assert said["exception"] == "builtins.KeyError"
    assert said["message"] == "KeyError: 'a'\nKeyError: 'b'\nin MultiError: several"


def test_a_group_of_several_kinds_keeps_its_name() -> None:
    said = failure(MultiError(KeyError("a"), AssertionError("b")), "/workspace")
    assert said["exception"].endswith("MultiError")
    assert said["message"].startswith("KeyError: 'a'\nAssertionError: b\n")


def test_the_frames_of_a_group_lead_to_where_its_first_leaf_was_raised() -> None:
    def inner() -> None:
        raise KeyError("a")

    def outer() -> None:
        try:
            inner()
        except KeyError as error:
            raise MultiError(TypeError("never raised"), error) from None

    try:
        outer()
    except MultiError as error:
        frames = failure(error, __file__.rpartition("/")[0])["frames"]
    assert [function for _, _, function in frames][-2:] == ["outer", "inner"]


def test_what_a_runner_leaves_out_is_added_to_the_details() -> None:
    error = RuntimeError("in front")
    error.__context__, error.__suppress_context__ = KeyError("behind"), True
    said = failure(error, "/workspace", "RuntimeError: in front")
    assert said["details"].split("\n") == ["RuntimeError: in front", "KeyError: 'behind'"]


def test_hostile_and_endless_exceptions_are_bounded() -> None:
    circle = MultiError(Hostile(), *(ValueError("x" * 9000) for _ in range(500)))
    circle.exceptions += (circle,)
    circle.__cause__ = circle
    said = failure(circle, "/workspace", "y" * 99_999)
    shown = MAX_RELATED_SHOWN * (MAX_RELATED_CHARACTERS + 10)
    assert len(said["details"]) <= MAX_DETAILS_CHARACTERS + 10 + shown
    assert "str() of the exception failed" in failure(Hostile(), "/workspace", "-")["message"]
