"""Errors of the forges' side.

ForgeError
├── NotConfigured        no token, or no webhook secret; the message says what to set
├── DeliveryRefused      an HTTP request that is no delivery of ours; carries the status to answer
├── Declined             nothing is started; whoever asked is told why
├── SourceUnavailable    the pinned commit cannot be had any more
├── AlreadyPublishing    another process publishes this job now                       retryable
└── CallFailed           a call to the API did not succeed
    ├── Unreachable      no answer, or one that says it is broken                     retryable
    ├── RateLimited      a primary or secondary limit; carries when to come back      retryable
    ├── Unauthorized     the token is unknown or expired
    ├── Forbidden        the token may not do this
    ├── NotVisible       not there, or the token may not see it: it is not said which
    └── Rejected         the forge understood the call and refuses what it says
"""

from __future__ import annotations


class ForgeError(Exception):
    """Base class of all errors around a forge.

    `retryable` says whether the same call may succeed later unchanged.
    """

    retryable = False


class NotConfigured(ForgeError):
    """The forge cannot be served without this setting."""


class DeliveryRefused(ForgeError):
    """The request is answered with `status_code` and leaves no trace."""

    def __init__(self, status_code: int, reason: str) -> None:
        super().__init__(reason)
        self.status_code = status_code


class Declined(ForgeError):
    """No job is made for this trigger, for this reason."""


class SourceUnavailable(ForgeError):
    """The commit a job was pinned to cannot be fetched; somebody removed it."""


class AlreadyPublishing(ForgeError):
    """Another process holds the job's publishing."""

    retryable = True


class CallFailed(ForgeError):
    """A call to the API did not succeed."""

    def __init__(self, reason: str, words: str = "") -> None:
        super().__init__(reason)
        self.words = words
        """The forge's own, where it gave any: the reason names the path, too, and names in it may
        be any words."""


class Unreachable(CallFailed):
    """The forge gave no answer, or a 5xx."""

    retryable = True


class RateLimited(CallFailed):
    """The forge asks to wait."""

    retryable = True

    def __init__(self, reason: str, retry_after_seconds: float) -> None:
        super().__init__(reason)
        self.retry_after_seconds = retry_after_seconds


class Unauthorized(CallFailed):
    """The forge answered 401."""


class Forbidden(CallFailed):
    """403 that is no rate limit."""


class NotVisible(CallFailed):
    """The forge answered 404 or 410."""


class Rejected(CallFailed):
    """The forge answered 409 or 422, or 400 where it says so for what it refuses."""


DEFINITE_ERRORS = (Unauthorized, Forbidden, NotVisible, Rejected, RateLimited, SourceUnavailable)
"""After these a change was certainly not made. After any other failure it may have been."""
LASTING_ERRORS = (Forbidden, NotVisible, Rejected)
"""Trying again does not mend these."""
