"""Reading server-sent events.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Message:
    event: str
    data: str


def messages(lines: Iterable[str]) -> Iterator[Message]:
    """The messages of a stream's lines; one that is cut off is not given."""
    event, data = "message", list[str]()
    for line in lines:
        if not line:
            if data:
                yield Message(event=event, data="\n".join(data))
            event, data = "message", []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            event = value
        elif name == "data":
            data.append(value)
