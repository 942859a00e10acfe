"""Prefill of prompts: a chunk at a time, from the longest prefix that the store holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from agent.model.local.engine_requests import Prompt
from agent.model.local.generation.cache import copied, new_cache
from agent.model.local.generation.prefix_store import PrefixStore


class PromptReader:
    """Reads prompts into caches chunk by chunk. Belongs to the engine's thread."""

    def __init__(self, model: Any, store: PrefixStore, chunk: int) -> None:
        """`chunk` is the most tokens of one forward pass."""
        self._model = model
        self._store = store
        self._chunk = chunk

    def advance(self, prompt: Prompt, *, keep: bool = True) -> bool:
        """Take in the next chunk; True when all of it is in the cache.

        With `keep` the whole prompt is kept in the store, in place of what it continues. Raises
        torch's OutOfMemoryError: the prompt's cache is then spoilt and has to be forgotten.
        """
        if prompt.cache is None:
            self._begin(prompt)
        if prompt.filled < len(prompt.ids):
            end = min(prompt.filled + self._chunk, len(prompt.ids))
            prompt.logits = self._forward(prompt.ids[prompt.filled : end], prompt.cache)
            prompt.filled = end
            if end == len(prompt.ids) and keep:
                self._store.put_prompt(prompt.ids, prompt.cache, prompt.logits)
        return prompt.filled == len(prompt.ids)

    def _begin(self, prompt: Prompt) -> None:
        entry = self._store.longest(prompt.ids)
        if entry is None:
            prompt.cache = new_cache(self._model)
            return
        # Nothing is added to a cache that holds the whole prompt: it can be shared.
        is_complete = len(entry.ids) == len(prompt.ids)
        prompt.cache = entry.cache if is_complete else copied(entry.cache)
        prompt.filled = prompt.found = len(entry.ids)
        prompt.logits = entry.logits

    def _forward(self, ids: Sequence[int], cache: Any) -> Any:
        tokens = torch.tensor([list(ids)], device=self._model.device)
        output = self._model(
            input_ids=tokens, past_key_values=cache, use_cache=True, logits_to_keep=1
        )
        return output.logits[:, -1]
