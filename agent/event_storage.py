"""Events as a kind and plain data, for the store and for streams, and back again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import ValidationError

from agent.events import Event
from agent.serialization import plain, restore


def to_wire(event: Event) -> tuple[str, dict[str, Any]]:
    """`StageStarted(stage="propose")` → `("stage_started", {"stage": "propose"})`."""
    return _kind(type(event)), plain(event)


def from_wire(kind: str, data: Mapping[str, Any]) -> Event | None:
    """The event, or None for a kind or a form of another version."""
    record = RECORDS.get(kind)
    if record is None:
        return None
    try:
        event: Event = restore(record, dict(data))
    except ValidationError:
        return None
    return event


def _kind(record: type) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", record.__name__).lower()


RECORDS: Mapping[str, Any] = {_kind(record): record for record in get_args(Event)}
