"""The one way to read JSON that a program in a sandbox printed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Check = Callable[[Any], bool]


class Malformed(ValueError):
    """What a program in a sandbox printed is not what was asked for."""


def read_json(text: str | bytes, is_right: Check) -> Any:
    """The value that `text` holds, where `is_right` says that it has the form the caller reads.

    Raises Malformed.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Malformed("it is no JSON") from error
    if not is_right(value):
        raise Malformed("it has another form")
    return value


def last_line(text: str) -> str:
    """The last line, where start-up files of an environment may print before it; `""` for none."""
    return (text.splitlines() or [""])[-1]


def is_texts(value: Any) -> bool:
    """A list of strings."""
    return isinstance(value, list) and all(isinstance(text, str) for text in value)
