"""What an API token may do."""

from __future__ import annotations

from enum import StrEnum


class Scope(StrEnum):
    """A permission of an API token; a token holds several."""

    READ = "read"  # see its owner's jobs, their events, results and patches; metrics
    SUBMIT = "submit"  # submit jobs, and retry them
    CANCEL = "cancel"  # cancel its owner's jobs
    ADMIN = "admin"  # all of it, on everybody's jobs, and targets inside the server


def effective(scopes: frozenset[Scope]) -> frozenset[Scope]:
    """`admin` implies the others."""
    return frozenset(Scope) if Scope.ADMIN in scopes else scopes
