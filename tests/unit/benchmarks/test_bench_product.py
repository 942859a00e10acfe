"""What counts as a repair in the benchmarks: the status and what stays red, not the exit code."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.product import Answer, is_accepted, summary


def answer(status: str, red: tuple[str, ...]) -> Answer:
    record: dict[str, Any] = {
        "status": status,
        "patch": {"diff": "diff"},
        "baseline": {"still_red": list(red)},
    }
    return Answer(
        exit_code=5,
        record=record,
        wall_seconds=1.0,
        first_plausible_seconds=None,
        stderr_tail="",
    )


@pytest.mark.parametrize(
    ("status", "red", "is_whole"),
    [
        ("repaired", (), True),
        ("plausible", (), True),
        ("plausible", ("r",), False),
        ("repaired_in_part", ("r",), False),
        ("nothing_to_fix", (), False),
    ],
)
def test_a_plausible_patch_that_leaves_tests_red_is_no_whole_repair(
    status: str, red: tuple[str, ...], is_whole: bool
) -> None:
    one = answer(status, red)
    assert one.accepted is is_whole
    assert is_accepted(summary(one)) is is_whole
    assert one.still_red == len(red)
    assert one.delivered is (status != "nothing_to_fix")
    assert one.in_part is bool(red)


def test_a_record_of_an_older_file_has_no_count_of_what_stays_red() -> None:
    assert is_accepted({"status": "repaired"})
    assert not is_accepted({"status": None})
