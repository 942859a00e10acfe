"""Errors of the agent package.

AgentError
├── RunNotFound          no run with this id in the state folder
├── RunLocked            another process works on this run
├── CheckpointDamaged    a run's checkpoints cannot be read back as plain data
├── TargetChanged        the run's copy of the target is gone, and the target is another now
├── ResultUnreadable     a result file that is not one, or is damaged
├── ResultAsksMore       a result file names more than a commit, a patch and tests
├── VerificationOverdue  a verdict was not reached in the time that it was given
└── CommitRefused        a patch does not fit the commit it is to be put on

Sandbox errors pass through unchanged (`sandbox.errors`).
"""

from __future__ import annotations


class AgentError(Exception):
    """Root of the tree. `retryable` says whether the same call may succeed later unchanged."""

    retryable = False


class RunNotFound(AgentError):
    """There is no run with this id in the state folder."""


class RunLocked(AgentError):
    """Another process works on this run now."""

    retryable = True


class CheckpointDamaged(AgentError):
    """A checkpoint is not what was written. Nothing of it was used."""


class TargetChanged(AgentError):
    """What the run began on cannot be had again; it can only begin anew."""


class ResultUnreadable(AgentError):
    """The file is not a result of this program, or it is damaged."""


class ResultAsksMore(AgentError):
    """The file asks for what only the user may choose. Nothing of it was used."""


class VerificationOverdue(AgentError):
    """The time of a verification was over before its verdict. Nothing is known of the patch."""


class CommitRefused(AgentError):
    """A file in the commit is not what the patch was made against. Nothing was committed."""
