"""Where the patch of a job was put, and what people have to know about that."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Links:
    """What was made on GitHub beside comment and check run."""

    pull: int | None = None
    """Number of the draft with the patch."""
    suggested: bool = False
    """The patch stands on the pull request's own lines."""
    moved: str = ""
    """Said when the target is not any more what the job worked on."""
    problem: str = ""
    """Why there is a patch and no pull request."""
