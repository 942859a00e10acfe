"""Errors on the wire, as problem details (RFC 9457); server and client read the same table."""

from __future__ import annotations

from dataclasses import dataclass

from workers.errors import (
    BadRequest,
    BrokerUnavailable,
    Fenced,
    JobActive,
    JobNotFound,
    NoResult,
    NotAllowed,
    NotLoggedIn,
    StoreUnavailable,
    TargetRefused,
    TokenNotFound,
    TooManyJobs,
    TooManyStreams,
    WorkersError,
)

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:repair:problem:"


@dataclass(frozen=True)
class Kind:
    """How one class of error is told to a client."""

    error: type[WorkersError]
    slug: str
    """The end of the problem's `type`, which is what programs go by."""
    status: int
    title: str

    @property
    def type(self) -> str:
        return TYPE_PREFIX + self.slug


PROBLEM_KINDS = (
    Kind(NotLoggedIn, "not-logged-in", 401, "A token is needed"),
    Kind(NotAllowed, "not-allowed", 403, "The token does not allow this"),
    Kind(TargetRefused, "target-refused", 403, "The target may not be named"),
    Kind(JobNotFound, "job-not-found", 404, "No such job"),
    Kind(NoResult, "no-result", 404, "There is no result"),
    Kind(TokenNotFound, "token-not-found", 404, "No such token"),
    Kind(JobActive, "job-active", 409, "The job has not ended"),
    Kind(Fenced, "fenced", 409, "Somebody else holds the job"),
    Kind(BadRequest, "bad-request", 422, "The request cannot be used"),
    Kind(TooManyJobs, "too-many-jobs", 429, "Too many jobs"),
    Kind(TooManyStreams, "too-many-streams", 429, "Too many streams"),
    Kind(StoreUnavailable, "store-unavailable", 503, "The database cannot be used now"),
    Kind(BrokerUnavailable, "broker-unavailable", 503, "The broker cannot be used now"),
)
KINDS_BY_TYPE = {kind.type: kind for kind in PROBLEM_KINDS}


def kind_of(error: WorkersError) -> Kind | None:
    """The row of the error's class; None for one that no client should meet."""
    return next((kind for kind in PROBLEM_KINDS if isinstance(error, kind.error)), None)
