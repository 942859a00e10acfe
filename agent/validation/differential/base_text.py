"""The text of a file of the base, as far as it can be read here."""

from __future__ import annotations

from agent.validation.tamper_check import Base
from sandbox.source import decode_source_lossless


def base_text(base: Base, path: str) -> str:
    """Empty for a link, for what is not there, and for a file in an encoding that does not give
    the same bytes back."""
    try:
        return decode_source_lossless(base.read(path)).text
    except (FileNotFoundError, ValueError):
        return ""
