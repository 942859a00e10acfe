"""Exit codes of `repair`. Scripts and CI rely on them; docs/usage.md lists them."""

from __future__ import annotations

from enum import IntEnum

from agent.errors import AgentError, ResultAsksMore, ResultUnreadable, RunNotFound
from agent.evaluation.errors import EvaluationError
from agent.model.errors import (
    CheckpointUnreadable,
    MalformedCompletion,
    ModelError,
    NoWeights,
    RequestRefused,
    TemplateWithoutTools,
)
from agent.records import Status
from sandbox.errors import BadTarget, SandboxError


class ExitCode(IntEnum):
    OK = 0  # repaired and likely to be right, or nothing to fix
    NOT_REPAIRED = 1  # the tests ran, and no patch passed the verdict
    BAD_INPUT = 2  # arguments, paths or files the user can put right
    INFRASTRUCTURE = 3  # sandbox, engine, disk, model, or the project's environment
    REPAIRED_IN_PART = 4  # a patch passed the verdict, and other failing tests stay red
    PLAUSIBLE = 5  # a patch passed the verdict, and too little says that it is right
    INTERRUPTED = 130  # Ctrl-C or SIGTERM, as shells count it
    OUTPUT_CLOSED = 141  # the reader of our output went away, as if SIGPIPE had killed us


CODES_BY_STATUS = {
    Status.REPAIRED: ExitCode.OK,
    Status.PLAUSIBLE: ExitCode.PLAUSIBLE,
    Status.REPAIRED_IN_PART: ExitCode.REPAIRED_IN_PART,
    Status.NOTHING_TO_FIX: ExitCode.OK,
    Status.NOT_REPAIRED: ExitCode.NOT_REPAIRED,
    Status.BUDGET_EXHAUSTED: ExitCode.NOT_REPAIRED,
    Status.NOT_REPRODUCED: ExitCode.NOT_REPAIRED,
    Status.FLAKY: ExitCode.NOT_REPAIRED,
    Status.NO_TESTS: ExitCode.BAD_INPUT,
    Status.ENVIRONMENT_BROKEN: ExitCode.INFRASTRUCTURE,
    Status.CANCELLED: ExitCode.INTERRUPTED,
}


_TO_PUT_RIGHT = (
    BadTarget,
    EvaluationError,
    RunNotFound,
    ResultUnreadable,
    ResultAsksMore,
    NoWeights,
    CheckpointUnreadable,
    TemplateWithoutTools,
    RequestRefused,
    MalformedCompletion,
)


def of_status(status: Status) -> ExitCode:
    return CODES_BY_STATUS[status]


def of_error(error: AgentError | SandboxError | ModelError | OSError) -> ExitCode:
    """Tell what the user can put right in the command from what the machine lacks."""
    return ExitCode.BAD_INPUT if isinstance(error, _TO_PUT_RIGHT) else ExitCode.INFRASTRUCTURE
