"""Caches of prompts and answers, kept so that the next turn prefills only what is new."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agent.model.local.generation.cache import cache_bytes


@dataclass(frozen=True, kw_only=True)
class StoredPrefix:
    """A cache and the ids it holds. It must not be appended to."""

    ids: tuple[int, ...]
    cache: Any
    logits: Any = None
    """[1, vocabulary] after the last id, where they are known: then nothing need be prefilled."""
    bytes_held: int = 0


class PrefixStore:
    """Caches by the token ids they hold, the least recently used given up first.

    Of one conversation there are its newest prompt and the answers to it. Earlier ones would be
    used no more, and yet push out what the next conversation in turn needs. Where there is no room
    for all, prompts go first that an answer goes on from: they are used again only where the
    template does not write the answer as the model did. Belongs to the engine's thread.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[tuple[int, ...], StoredPrefix] = OrderedDict()
        self._answered: set[tuple[int, ...]] = set()
        """Those that another one goes on from."""
        self.bytes_held = 0

    def __len__(self) -> int:
        return len(self._kept)

    def longest(self, ids: Sequence[int]) -> StoredPrefix | None:
        """What holds the longest prefix of `ids`; all of `ids` only where the logits are known."""
        prompt = tuple(ids)
        best: StoredPrefix | None = None
        for key, entry in self._kept.items():
            reach = len(prompt) if entry.logits is not None else len(prompt) - 1
            longer = best is None or len(key) > len(best.ids)
            if longer and len(key) <= reach and prompt[: len(key)] == key:
                best = entry
        if best is not None:
            self._kept.move_to_end(best.ids)
        return best

    def put_prompt(self, ids: Sequence[int], cache: Any, logits: Any) -> None:
        """Keep a prompt, in place of the earlier turns that it goes on from."""
        for key in self._prefixes(tuple(ids)):
            self._drop(key)
        self.put(ids, cache, logits)

    def put(self, ids: Sequence[int], cache: Any, logits: Any = None) -> None:
        """Keep a cache that holds exactly `ids`; one larger than the whole store is not kept."""
        size = cache_bytes(cache)
        entry = StoredPrefix(ids=tuple(ids), cache=cache, logits=logits, bytes_held=size)
        self._drop(entry.ids)
        if size > self._max_bytes:
            return
        self._answered.update(self._prefixes(entry.ids))
        while self._kept and self.bytes_held + size > self._max_bytes:
            self._drop(next((k for k in self._kept if k in self._answered), next(iter(self._kept))))
        self._kept[entry.ids] = entry
        self.bytes_held += size

    def clear(self) -> None:
        self._kept.clear()
        self._answered.clear()
        self.bytes_held = 0

    def _prefixes(self, ids: tuple[int, ...]) -> list[tuple[int, ...]]:
        """What is kept of which `ids` are more."""
        shorter = [key for key in self._kept if len(key) < len(ids)]
        return [key for key in shorter if ids[: len(key)] == key]

    def _drop(self, key: tuple[int, ...]) -> None:
        entry = self._kept.pop(key, None)
        self._answered.discard(key)
        if entry is not None:
            self.bytes_held -= entry.bytes_held
