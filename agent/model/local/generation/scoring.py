"""The model as a ranker: how likely each continuation is after one shared prefix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from agent.model.local.engine_requests import Prompt, Scoring
from agent.model.local.generation.cache import CacheRow, assembled, can_batch, copied

_MAX_BATCH_TOKENS = 2048
"""Bounds the logits: at a vocabulary of 248,320 these are 2 GB in float32."""
_MAX_BATCH_ROWS = 32


class ScoringRun:
    """One scoring, a batch at a time, so that the answers being generated never wait long."""

    def __init__(self, scoring: Scoring) -> None:
        self.scoring = scoring
        self.prompt = Prompt(ids=scoring.prefix)
        self._scores = [0.0] * len(scoring.continuations)
        self._pending: list[list[int]] | None = None

    @property
    def begun(self) -> bool:
        """True while something of it is in the device's memory."""
        return self.prompt.cache is not None

    def cancelled(self) -> bool:
        return self.scoring.cancel is not None and self.scoring.cancel.is_set()

    def step(self, model: Any) -> bool:
        """Score the next batch, once the prompt is read; True when all is told to who waits."""
        if self._pending is None:
            self._pending = batches_of(self.scoring.continuations, self.prompt.cache)
        if self._pending:
            batch = self._pending[0]
            tokens = [self.scoring.continuations[index] for index in batch]
            scores = score_batch(
                model, self.prompt.cache, self.prompt.logits, len(self.prompt.ids), tokens
            )
            for index, score in zip(batch, scores, strict=True):
                self._scores[index] = score
            del self._pending[0]
        if self._pending:
            return False
        self.scoring.done.set_result(self._scores)
        return True

    def halve(self) -> bool:
        """Make the next batch smaller after the memory ran out; False where it cannot be."""
        if not self._pending or len(self._pending[0]) == 1:
            return False
        batch = self._pending[0]
        middle = len(batch) // 2
        self._pending[:1] = [batch[:middle], batch[middle:]]
        return True


def batches_of(continuations: Sequence[Sequence[int]], cache: Any) -> list[list[int]]:
    """Indices of the continuations that are scored together: alike in length, bounded."""
    order = sorted(
        (i for i, tokens in enumerate(continuations) if tokens),
        key=lambda i: len(continuations[i]),
    )
    rows = _MAX_BATCH_ROWS if can_batch(cache) else 1
    batches: list[list[int]] = []
    for index in order:
        longest = len(continuations[index])
        last = batches[-1] if batches else None
        if last is None or len(last) == rows or (len(last) + 1) * longest > _MAX_BATCH_TOKENS:
            batches.append([index])
        else:
            last.append(index)
    return batches


def score_batch(
    model: Any, cache: Any, first_logits: Any, length: int, batch: Sequence[Sequence[int]]
) -> list[float]:
    """Natural-log probabilities of the continuations in `batch`, summed over their tokens.

    `cache` holds the prefix of `length` tokens and stays as it is; `first_logits`
    [1, vocabulary] follow it. Shorter rows are padded on the right, where nothing looks.
    """
    rows, longest = len(batch), max(len(tokens) for tokens in batch)
    first = torch.log_softmax(first_logits.float(), dim=-1)[0]
    scores = [float(first[tokens[0]]) for tokens in batch]
    if longest == 1:
        return scores
    padded_rows = [[*tokens, *([tokens[-1]] * (longest - len(tokens)))] for tokens in batch]
    ids = torch.tensor(padded_rows, device=model.device)
    batch_cache = assembled([CacheRow(cache, 0, length)] * rows) if rows > 1 else copied(cache)
    positions = torch.arange(length, length + longest - 1, device=model.device)
    output = model(
        input_ids=ids[:, :-1],
        position_ids=positions.expand(rows, -1),
        past_key_values=batch_cache,
        use_cache=True,
    )
    targets = ids[:, 1:].to(output.logits.device)
    for index, tokens in enumerate(batch):
        # Row by row: the float32 copy of all logits at once would double the peak.
        chances = torch.log_softmax(output.logits[index].float(), dim=-1)
        token_chances = chances.gather(-1, targets[index][:, None]).squeeze(-1)
        scores[index] += float(token_chances[: len(tokens) - 1].sum())
    return scores
