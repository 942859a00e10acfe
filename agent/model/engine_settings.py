"""Limits of the local inference engine: batch sizes, cache and time-outs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class EngineSettings:
    """Limits of the local inference engine: what it holds at once and how long it may take."""

    max_rows: int = 16
    """Answers generated together."""
    prefill_chunk: int = 4096
    """Prompt tokens taken in between two steps of the batch."""
    prefill_share: float = 0.5
    """Of the time while answers are generated: reading other prompts."""
    score_share: float = 0.2
    """Of the time while answers are generated: scoring for rankings."""
    compile_backend: str = ""
    """Compiler of torch for the decoder layers at one token a row, e.g. `inductor`; none where
    empty. The first steps take minutes then."""
    cache_bytes: int = 1 << 30
    """Device memory for prompts and answers kept between turns."""
    stall_seconds: float = 600.0
    """With work to do and nothing done for this long, the engine no longer counts as healthy."""
