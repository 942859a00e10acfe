"""The answers that are generated together: one forward pass gives each its next token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from agent.model.local.generation.cache import CacheRow, alone, assembled, can_batch
from agent.model.local.generation.sampling import sample
from agent.model.local.generation.sequence import GeneratedSequence


@dataclass
class Row:
    """One answer of a decode batch and the token ids in its cache."""

    answer: GeneratedSequence
    job: Any
    """What the engine files it under."""
    held: list[int]
    """Ids in the cache: the prompt and what was generated, but for the newest token."""
    newest: int


def next_tokens(logits: Any, answers: Sequence[GeneratedSequence]) -> list[int]:
    """Choose a token per row of `logits` [rows, vocabulary], forced and constrained ones too."""
    logits = logits.float()
    for index, answer in enumerate(answers):
        if answer.matcher is not None:
            answer.matcher.restrict(logits[index])
    draws = [answer.draw() for answer in answers]
    tokens = sample(logits, [answer.params for answer in answers], draws)
    overrides = [answer.forced() for answer in answers]
    return [token if must is None else must for token, must in zip(tokens, overrides, strict=True)]


class DecodeBatch:
    """Rows of different lengths and ages; they join and leave between steps."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._cache: Any = None
        self._columns = 0
        self.rows: list[Row] = []

    def join(self, rows: Sequence[Row], caches: Sequence[Any]) -> None:
        """Add rows with their caches, which are copied.

        Raises torch's OutOfMemoryError, as `step` and `leave` do: the caches are then spoilt, and
        `drop` still knows all rows.
        """
        if not rows:
            return
        present = [CacheRow(self._cache, i, len(r.held)) for i, r in enumerate(self.rows)]
        new = [CacheRow(c, 0, len(r.held)) for c, r in zip(caches, rows, strict=True)]
        self.rows += rows
        self._assemble([*present, *new])

    def has_room_for(self, cache: Any) -> bool:
        """False when this kind of cache can only be alone and something is here already."""
        return not self.rows or can_batch(cache)

    def step(self) -> list[Row]:
        """Generate one token for every row; the rows whose answers ended with it.

        They stay until `leave`. When it raises, no answer has its token yet.
        """
        device = self._model.device
        tokens = torch.tensor([[row.newest] for row in self.rows], device=device)
        positions = torch.tensor([[len(row.held)] for row in self.rows], device=device)
        output = self._model(
            input_ids=tokens,
            position_ids=positions,
            attention_mask=self._mask(device),
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        self._columns += 1
        next_ids = next_tokens(output.logits[:, -1], [row.answer for row in self.rows])
        for current, token in zip(self.rows, next_ids, strict=True):
            current.held.append(current.newest)
            current.newest = token
            current.answer.take(token)
        return [current for current in self.rows if current.answer.finish is not None]

    def take_out(self, leaving: Row) -> Any:
        """A copy of a row's cache, without padding; it holds `leaving.held`."""
        index = next(i for i, current in enumerate(self.rows) if current is leaving)
        return alone(CacheRow(self._cache, index, len(leaving.held)))

    def leave(self, leaving: Sequence[Row]) -> None:
        """Remove rows; the others move together."""
        leaving_ids = {id(current) for current in leaving}
        kept_rows = [(i, r) for i, r in enumerate(self.rows) if id(r) not in leaving_ids]
        self._assemble([CacheRow(self._cache, i, len(r.held)) for i, r in kept_rows])
        self.rows = [r for _, r in kept_rows]

    def drop(self) -> list[Row]:
        """Drop all rows and their caches, e.g. after the memory ran out in mid-step; the rows there
        were."""
        rows, self.rows, self._cache = self.rows, [], None
        return rows

    def _assemble(self, rows: Sequence[CacheRow]) -> None:
        old, self._cache = self._cache, None
        self._cache = assembled(rows, old_cache=old) if rows else None
        self._columns = max((row.length for row in rows), default=0)

    def _mask(self, device: Any) -> Any:
        """[rows, columns + 1], zero on the padding; None when there is none."""
        lengths = torch.tensor([len(current.held) for current in self.rows], device=device)
        if all(len(current.held) == self._columns for current in self.rows):
            return None
        columns = torch.arange(self._columns + 1, device=device)
        return (columns >= self._columns - lengths[:, None]).long()
