"""TOML that somebody else wrote, read in a time that its size bounds."""

from __future__ import annotations

import re
import tomllib
from typing import Any

MAX_KEY_DOTS = 200
"""On one line outside of quotes. A key costs the square of its parts, and each key below a
heading the parts of the heading."""
_QUOTED = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'")


def parse_toml(text: str) -> dict[str, Any]:
    """Parse a TOML document that is not trusted.

    Raises ValueError, which `tomllib.TOMLDecodeError` is, and for what nests too deep.
    """
    # What is left of a quoted part of a key are its dots.
    if any(line.count(".") > MAX_KEY_DOTS for line in _QUOTED.sub("", text).splitlines()):
        raise ValueError(f"a key has more than {MAX_KEY_DOTS} parts")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
