"""Errors of an evaluation: each carries the sentence that the user reads."""

from __future__ import annotations

from agent.errors import AgentError


class EvaluationError(AgentError):
    """Root of the tree."""


class DataUnreadable(EvaluationError):
    """The suite's data is missing, or of another shape than the suite's."""


class EvaluationNotFound(EvaluationError):
    """There is no evaluation with this id, or it has nothing to show yet."""


class LogDamaged(EvaluationError):
    """A log that is not one of ours, or damaged before its last line."""


class CannotSolve(EvaluationError):
    """This suite cannot be solved in the way that was asked for."""
