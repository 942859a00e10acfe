"""Server-sent events, as the standard reads them."""

from __future__ import annotations

import pytest

from workers.client.sse import Message, messages


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["data: a", ""], [Message(event="message", data="a")]),
        (["event: job", "id: 3", "data: a", "data:b", ""], [Message(event="job", data="a\nb")]),
        ([": a comment", "", "data: a", ""], [Message(event="message", data="a")]),
        (["data:  two blanks", ""], [Message(event="message", data=" two blanks")]),
        (["event: job", "data: cut off"], []),
        (["event: nothing", "", "data: a", ""], [Message(event="message", data="a")]),
    ],
)
def test_messages(lines: list[str], found: list[Message]) -> None:
    assert list(messages(lines)) == found
