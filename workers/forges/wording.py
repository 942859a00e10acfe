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

    issue_path: str = "issues"
    """Of the address of an issue, between the repository's and the number."""
    pull_path: str = "pull"

    @property
    def pull_start(self) -> str:
        """`pull` at the beginning of a sentence."""
        return self.pull.capitalize()
