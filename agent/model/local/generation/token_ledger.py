"""Token ids in which answers were generated, where the tokenizer would choose others.

A model does not always write its text in the tokens the tokenizer would pick. If its answer were
encoded anew in the next turn, the ids would differ from those in the cache and nothing of it
could be used again. So the ids of every answer are remembered with the text before them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

_MAX_CHARACTERS = 64_000_000


class TokenLedger:
    """Encodes prompts, keeping the ids of answers seen before. Safe from several threads."""

    def __init__(self, encode: Callable[[str], list[int]], turn_end: str) -> None:
        """`turn_end` is the special token that closes a turn, as text."""
        self._encode = encode
        self._turn_end = turn_end
        self._known: OrderedDict[str, list[int]] = OrderedDict()
        self._characters = 0
        self._lock = threading.Lock()

    def encode(self, text: str) -> list[int]:
        """The ids of a rendered conversation."""
        with self._lock:
            prefix = max(
                (text_seen for text_seen in self._known if self._continues(text, text_seen)),
                key=len,
                default="",
            )
            ids = self._known.get(prefix, [])
            if prefix:
                self._known.move_to_end(prefix)
        return [*ids, *self._encode(text[len(prefix) :])]

    def remember(self, text: str, ids: Sequence[int]) -> None:
        """Note that `text`, a prompt and its answer without the end of the turn, is `ids`."""
        with self._lock:
            if text in self._known:
                return
            self._known[text] = list(ids)
            self._characters += len(text)
            while self._characters > _MAX_CHARACTERS and len(self._known) > 1:
                oldest, _ = self._known.popitem(last=False)
                self._characters -= len(oldest)

    def _continues(self, text: str, prefix: str) -> bool:
        # Only where a special token follows is the border between the two the same for both.
        return text.startswith(prefix) and text.startswith(self._turn_end, len(prefix))
