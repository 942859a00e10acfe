"""What the vendor published of the model, as facts: the figures that this project lets users check.

Shares of tasks solved by one attempt, in per cent, as the vendor's model card gives them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SOURCE = "https://huggingface.co/Qwen/Qwen3.6-27B, the vendor's model card, April 2026"
MODELS = ("Qwen3.6-27B", "Qwen3.5-397B-A17B", "Qwen3.5-27B")
_TABLE: Mapping[str, tuple[float, float, float]] = {
    "SWE-bench Verified": (77.2, 76.2, 75.0),
    "SWE-bench Pro": (53.5, 50.9, 51.2),
    "SWE-bench Multilingual": (71.3, 69.3, 69.3),
    "Terminal-Bench 2.0": (59.3, 52.5, 41.6),
    "SkillsBench": (48.2, 30.0, 27.2),
    "LiveCodeBench v6": (83.9, 83.6, 80.7),
}


@dataclass(frozen=True, kw_only=True)
class PublishedFigure:
    """One published figure."""

    benchmark: str
    model: str
    share: float
    """From 0 to 1."""


def claims(model: str = MODELS[0]) -> tuple[PublishedFigure, ...]:
    """All claims about one of `MODELS`. Raises ValueError for another."""
    column = MODELS.index(model)
    return tuple(
        PublishedFigure(benchmark=benchmark, model=model, share=figures[column] / 100)
        for benchmark, figures in _TABLE.items()
    )


def claim_of(benchmark: str) -> PublishedFigure | None:
    """The claim about the model that this project is for; None where the vendor made none."""
    return next((claim for claim in claims() if claim.benchmark == benchmark), None)
