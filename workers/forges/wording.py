"""What a forge calls things."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Wording:
    """GitHub's words, where a forge has no others."""

    title: str = "GitHub"
    pull: str = "pull request"
    pull_sign: str = "#"
    """What stands before the number of one."""

    @property
    def pull_start(self) -> str:
        """`pull` at the beginning of a sentence."""
        return self.pull.capitalize()
