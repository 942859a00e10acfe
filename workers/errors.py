"""Errors of the workers package.

WorkersError
├── JobNotFound        no job with this id
├── BadRequest         a request that can never be accepted; the message says why
├── JobActive          only a job that has ended can be retried
├── NoResult           the job has no result, or its result no patch
├── NotLoggedIn        nobody the service knows
├── NotAllowed         the token lacks a scope
├── TargetRefused      a target that the API may not be pointed at
├── TokenNotFound      no live token with this id
├── TooManyJobs        a limit on live jobs is reached (retryable)
├── TooManyStreams     a caller follows as much at once as one may (retryable)
├── Fenced             the claim is no longer this worker's: somebody else may hold the job
├── ServerUnavailable  the server of the API does not answer, or not as it should (retryable)
├── StoreUnavailable   the database is down, full or locked for too long (retryable)
├── BrokerUnavailable  Redis cannot be used now (retryable)
└── PortTaken          the service cannot listen where it should (retryable)

How a job ended is a value (`JobState`, `Status`), not an error.
"""

from __future__ import annotations


class WorkersError(Exception):
    """Base class of all errors of the service.

    `retryable` says whether the same call may succeed later unchanged.
    """

    retryable = False


class JobNotFound(WorkersError):
    """The store holds no job with this id; it may have been pruned."""


class BadRequest(WorkersError):
    """A part of the request cannot be stored or run."""


class JobActive(WorkersError):
    """The job has not ended yet."""


class NoResult(WorkersError):
    """The job has not ended, or ended without what was asked for."""


class NotLoggedIn(WorkersError):
    """No token, or one that is unknown, revoked or expired."""


class NotAllowed(WorkersError):
    """The token does not hold the scope that this needs."""


class TargetRefused(WorkersError):
    """The target lies inside the server, or is named in a way that cannot be judged."""


class TokenNotFound(WorkersError):
    """No token has this id, or it was revoked already."""


class TooManyJobs(WorkersError):
    """The repository, or the service as a whole, has as many live jobs as it may have."""

    retryable = True


class TooManyStreams(WorkersError):
    """The caller has as many streams open as one may have."""

    retryable = True


class Fenced(WorkersError):
    """The job was given to somebody else, or ended, while this worker thought it held it.

    Nothing of the call was written. The holder must stop working on the job.
    """


class ServerUnavailable(WorkersError):
    """Nothing came back from the server of the job API, or nothing that is its answer."""

    retryable = True


class StoreUnavailable(WorkersError):
    """The database did not carry out the call; nothing of it was written."""

    retryable = True


class BrokerUnavailable(WorkersError):
    """Redis does not answer, or refuses. Jobs are safe: the store holds them."""

    retryable = True


class PortTaken(WorkersError):
    """Something else listens on a port of the service, or this user may not."""

    retryable = True
