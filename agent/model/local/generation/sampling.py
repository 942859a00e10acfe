"""Choosing the next token of every row of a batch at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from agent.model.base import GenerationParams


def sample(logits: Any, params: Sequence[GenerationParams], draws: Sequence[float]) -> list[int]:
    """Return one token id per row.

    `logits` is [rows, vocabulary]; `draws` are uniform numbers in [0, 1), one per row. A row's
    token depends only on its own logits, parameters and draw, never on its neighbours.
    """
    vocabulary = logits.shape[-1]
    widths = [min(p.top_k, vocabulary) if p.top_k else vocabulary for p in params]
    scaled_logits = logits.float() / _column(logits, [p.temperature for p in params])
    top, ids = scaled_logits.topk(max(widths), dim=-1)
    ranks = torch.arange(top.shape[-1], device=top.device)
    top = top.masked_fill(ranks >= _column(logits, widths), -torch.inf)
    chances = top.softmax(dim=-1)
    mass_before = chances.cumsum(dim=-1) - chances
    exclusion_mask = mass_before >= _column(logits, [p.top_p for p in params])
    exclusion_mask |= chances < chances[:, :1] * _column(logits, [p.min_p for p in params])
    exclusion_mask[:, 0] = False
    reach = chances.masked_fill(exclusion_mask, 0).cumsum(dim=-1)
    thresholds = _column(logits, draws) * reach[:, -1:]
    choice = (reach <= thresholds).sum(dim=-1, keepdim=True)
    # A draw just below 1 is 1 in float32: without this bound it would fall on a dropped token.
    last = (~exclusion_mask & (chances > 0)).sum(dim=-1, keepdim=True) - 1
    choice = choice.minimum(last.clamp(min=0))
    return [int(token) for token in ids.gather(-1, choice).squeeze(-1).tolist()]


def _column(like: Any, values: Sequence[float]) -> Any:
    return torch.tensor(values, device=like.device, dtype=torch.float32).unsqueeze(-1)
