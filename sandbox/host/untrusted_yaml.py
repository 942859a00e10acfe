"""YAML that somebody else wrote: text, lists and tables, read in a time that its size bounds."""

from __future__ import annotations

from typing import Any

import yaml

MAX_CHARACTERS = 64 * 1024


def parse_yaml(text: str) -> Any:
    """Parse one YAML document that is not trusted; every scalar is text.

    Merge keys stay as they are written: following them can take memory without end. Raises
    ValueError for what is no YAML, is over MAX_CHARACTERS or nests too deep.
    """
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"it has more than {MAX_CHARACTERS} characters")
    try:
        return yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - makes no objects
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(str(error).partition("\n")[0] or "it is nested too deep") from None
