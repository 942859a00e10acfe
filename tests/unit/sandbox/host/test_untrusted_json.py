"""What a program in a sandbox printed is read in one way."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.host.untrusted_json import Malformed, is_texts, last_line, read_json

TOP = Path(__file__).parents[4]
OTHERS = {
    *("agent/evaluation", "agent/model", "agent/runs", "agent/extras.py", "agent/selection"),
    *("agent/proposers/agentic/tools/test_names.py", "sandbox/environments", "sandbox/egress"),
    *("sandbox/snapshots", "sandbox/engines/docker/engine.py", "sandbox/engines/reaper.py"),
    *(
        "sandbox/session",
        "sandbox/languages/python/guest_programs",
        "sandbox/host/untrusted_json.py",
    ),
    "sandbox/languages/python/environments/prepare.py",
    "sandbox/languages/javascript/environments/prepare.py",
    "sandbox/languages/javascript/guest_programs",
    "sandbox/languages/go/guest_programs",
    "sandbox/languages/rust/guest_programs",
    "sandbox/runners/event.py",
    "sandbox/languages/python/runners/split/messages.py",
    "sandbox/languages/python/runners/split/server_program.py",
    "agent/validation/differential/calls/shown_calls.py",
}
"""Read what this side wrote, another source, or check it as strictly (`event.py`)."""


@pytest.mark.parametrize(
    "text", ["", "{", "3", "[1]", b"\xff", "[" * 100_000, '{"a": 1}'], ids=range(7)
)
def test_another_form_is_one_error(text: str | bytes) -> None:
    with pytest.raises(Malformed):
        read_json(text, is_texts)
    assert read_json('["a"]', is_texts) == ["a"]


def test_the_last_line() -> None:
    assert [last_line(text) for text in ("", "a", "a\nb\n")] == ["", "a", "b"]


def test_nothing_else_reads_the_output_of_a_session() -> None:
    """A new `json.loads` beside a session is a new reader of what a stranger wrote."""
    readers = {
        path.relative_to(TOP).as_posix()
        for package in ("agent", "sandbox")
        for path in (TOP / package).rglob("*.py")
        if "json.loads(" in path.read_text()
    }
    new = {r for r in readers if not any(r == o or r.startswith(f"{o}/") for o in OTHERS)}
    assert not new, f"{new}: take sandbox.host.untrusted_json.read_json"
