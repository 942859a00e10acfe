"""One repository on a forge: what is asked of it and said in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from workers.forges.api.source import Source

MAX_OPEN_PULLS = 30
"""That are looked at for a patch; each costs a call."""


@dataclass(frozen=True, kw_only=True)
class Pull:
    """A pull request, as far as it matters here."""

    number: int
    is_open: bool
    head: str
    """Commit id."""
    head_branch: str
    is_fork: bool
    """Its head is in another repository, or that one is gone."""
    is_draft: bool = False


@dataclass(frozen=True)
class Thread:
    """An issue or pull request, under which people talk."""

    number: int
    is_pull: bool = False
    """On some forges they are counted, and talked under, apart from issues."""


class LineReviews(Protocol):
    """Comments on a pull request's own lines, which people take over with a click."""

    def changed_lines(self, number: int) -> dict[str, str]:
        """Path → the part of the pull request's diff, without files too large for one."""
        ...

    def review_with(self, number: int, marker: str) -> int | None:
        """Id of our own review that holds the marker."""
        ...

    def review(
        self, number: int, commit: str, body: str, comments: Iterable[Mapping[str, Any]]
    ) -> int:
        """Comments on lines of a pull request, all of them or none; returns the review's id."""
        ...


class Repository(Protocol):
    """Calls on one repository. Every method raises CallFailed."""

    # -- what is asked ------------------------------------------------------------------

    def may_write(self, login: str, account_id: int | None) -> bool:
        """Whether the forge lets this account push, however it came by that."""
        ...

    def default_branch(self) -> str: ...

    def head_of(self, branch: str) -> str | None:
        """Commit at the tip of a branch; None when there is no such branch."""
        ...

    def pull(self, number: int) -> Pull: ...

    def pull_of_branch(self, branch: str) -> Pull | None:
        """The pull request from a branch of this repository, open or closed."""
        ...

    def open_pulls(self, base: str) -> list[Pull]:
        """The open pull requests onto a branch, newest first; of many the first MAX_OPEN_PULLS."""
        ...

    def changed_files(self, number: int) -> dict[str, str | None]:
        """Path → the part of the pull request's diff; None where the forge leaves it out."""
        ...

    # -- what is said -------------------------------------------------------------------

    def comment_with(self, thread: Thread, marker: str) -> int | None:
        """Id of our own comment that holds the marker."""
        ...

    def comment(self, thread: Thread, body: str) -> int:
        """Add a comment; returns its id."""
        ...

    def edit_comment(self, thread: Thread, comment_id: int, body: str) -> None: ...

    def react(
        self, thread: Thread, comment_id: int, content: str, *, in_review: bool = False
    ) -> None:
        """Add a reaction to a comment, by GitHub's name for it; once however often it is done."""
        ...

    def open_pull(self, *, title: str, body: str, head: str, base: str) -> Pull:
        """Open a draft, or where there are none a pull request that is ready."""
        ...

    def edit_pull(self, number: int, *, title: str, body: str) -> Pull: ...

    def check_with(self, commit: str, check: Mapping[str, Any]) -> int | str | None:
        """Name of our check on a commit for the same job; None where there is none yet."""
        ...

    def create_check(self, commit: str, check: Mapping[str, Any]) -> int | str:
        """Show a check on a commit; returns its name. `check` is what `check_run` makes: GitHub's
        form, of which others show what they can."""
        ...

    def update_check(self, check_id: str, commit: str, check: Mapping[str, Any]) -> None: ...

    @property
    def line_reviews(self) -> LineReviews | None:
        """None where no suggestions are made on lines."""
        ...

    # -- git ----------------------------------------------------------------------------

    def fetch(self, source: Source, commit: str) -> None:
        """`Source.fetch` with a token that may read."""
        ...

    def push(self, source: Source, commit: str, branch: str, old_commit: str | None) -> None:
        """`Source.push` with a token that may write."""
        ...
