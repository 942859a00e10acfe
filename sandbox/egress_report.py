"""What a build asked the outside for, for progress and errors."""

from __future__ import annotations

import threading
from dataclasses import dataclass

MAX_SENTENCES = 20
"""Sentences of each kind; a build can ask for any number of names."""


@dataclass(frozen=True, kw_only=True)
class EgressOutcome:
    """What became of a build's connections since this was last asked."""

    refused: tuple[str, ...] = ()
    """A sentence for each host that is not allowed, with how to allow it."""
    unreachable: tuple[str, ...] = ()
    """A sentence for each package index that is allowed and did not answer."""
    reached: bool = False
    """Some package index answered."""


class EgressReport:
    """Collects what became of a build's connections. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._refused: dict[str, None] = {}
        self._unreachable: dict[str, None] = {}
        self._reached = False

    def refused(self, sentence: str) -> None:
        self._add(self._refused, sentence)

    def unreachable(self, sentence: str) -> None:
        self._add(self._unreachable, sentence)

    def reached(self) -> None:
        self._reached = True

    def take(self) -> EgressOutcome:
        with self._lock:
            snapshot = EgressOutcome(
                refused=tuple(self._refused),
                unreachable=tuple(self._unreachable),
                reached=self._reached,
            )
            self._refused, self._unreachable, self._reached = {}, {}, False
        return snapshot

    def _add(self, sentences: dict[str, None], sentence: str) -> None:
        with self._lock:
            if len(sentences) < MAX_SENTENCES:
                sentences[sentence] = None
