"""What clients are told of a job's events."""

from __future__ import annotations

from datetime import UTC, datetime

from workers.client.sse import messages
from workers.jobs.view import EventView

NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)


def test_any_text_of_a_repository_crosses_in_one_line() -> None:
    text = "a\u2028b\x85c\x9bd\udce9e\ud800"
    event = EventView(seq=3, at=NOW, kind="localized", data={"lines": [{"path": text}]})
    line = event.to_json()
    assert line.isascii()
    assert len(line.splitlines()) == 1
    (message,) = messages([*f"event: job\ndata: {line}\n".splitlines(), ""])
    assert EventView.from_json(message.data) == event
