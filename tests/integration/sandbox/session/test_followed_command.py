"""A long command is heard while it runs, and ends as one that was only waited for."""

from __future__ import annotations

import pytest

from sandbox.errors import SandboxDied
from sandbox.session.followed_command import run_followed
from tests.support.runner_case import Open, open_project

__all__ = ["open_project"]


def test_lines_are_heard_and_the_result_is_that_of_run(open_project: Open) -> None:
    session = open_project({"a": ""})
    script = "echo one; echo wrong >&2; echo two; printf 'three'; exit 3"
    heard: list[str] = []
    done = run_followed(session, ["sh", "-c", script], timeout_seconds=60, on_line=heard.append)
    waited = session.run(["sh", "-c", script], timeout_seconds=60)
    assert heard == ["one", "two"]
    assert (done.exit_code, done.stdout, done.stderr) == (3, waited.stdout, waited.stderr)


def test_no_line_of_a_quick_end_is_lost(open_project: Open) -> None:
    session, heard = open_project({"a": ""}), list[str]()
    run_followed(session, ["seq", "20000"], timeout_seconds=60, on_line=heard.append)
    assert heard == [str(number) for number in range(1, 20001)]


def test_its_time_is_limited_and_a_lost_sandbox_is_no_result(open_project: Open) -> None:
    session, heard = open_project({"a": ""}), list[str]()
    script = ["sh", "-c", "echo begun; sleep 600"]
    done = run_followed(session, script, timeout_seconds=2, on_line=heard.append)
    assert (heard, done.timed_out, done.exit_code) == (["begun"], True, None)
    with pytest.raises(SandboxDied):
        run_followed(session, script, timeout_seconds=60, on_line=lambda _: session.close())
