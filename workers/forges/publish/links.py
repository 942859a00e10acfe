"""Where the patch of a job was put, and what people have to know about that."""

from __future__ import annotations

from dataclasses import dataclass, field

from workers.forges.wording import Wording


@dataclass(frozen=True)
class Links:
    """What was made on the forge beside comment and check run, and where more is to be read."""

    pull: int | None = None
    """Number of the pull request with the patch."""
    is_draft: bool = True
    """False where the forge has no drafts, or somebody marked it as ready."""
    same: int | None = None
    """Number of an open pull request that holds the same patch, so that none was made."""
    unchanged: bool = False
    """A round that a review asked for came to the patch that was reviewed."""
    lesser: bool = False
    """The patch of such a round leaves tests red that pass with the one that was reviewed."""
    suggested: bool = False
    """The patch stands on the pull request's own lines."""
    moved: str = ""
    """Said when the target is not any more what the job worked on."""
    problem: str = ""
    """Why there is a patch and no pull request."""
    page: str = ""
    """Address of the job's page; empty where the service has none that others reach."""
    wording: Wording = field(default_factory=Wording)
    """How the forge calls a pull request."""
    check: str = ""
    """Address of the check run, whose details hold the verdict; empty where there is none."""
