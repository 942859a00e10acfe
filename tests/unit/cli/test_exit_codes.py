from __future__ import annotations

import pytest

from agent.errors import AgentError, ResultUnreadable, RunLocked, RunNotFound
from agent.model.errors import (
    CheckpointUnreadable,
    MalformedCompletion,
    ModelDoesNotFit,
    ModelError,
    ModelUnavailable,
    NoWeights,
    RequestRefused,
    TemplateWithoutTools,
)
from agent.records import Status
from cli.exit_codes import ExitCode, of_error, of_status
from sandbox.errors import BadTarget, InstallFailed, SandboxDied, SandboxError, SandboxUnavailable


def test_the_numbers_scripts_rely_on() -> None:
    assert [int(code) for code in ExitCode] == [0, 1, 2, 3, 4, 5, 130, 141]


@pytest.mark.parametrize("status", list(Status))
def test_every_status_has_a_code(status: Status) -> None:
    good = status in (Status.REPAIRED, Status.NOTHING_TO_FIX)
    assert (of_status(status) == 0) is good


def test_interrupted_and_broken_are_not_not_repaired() -> None:
    assert of_status(Status.CANCELLED) == 130
    assert of_status(Status.ENVIRONMENT_BROKEN) == 3
    assert of_status(Status.FLAKY) == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BadTarget("x"), 2),
        (RunNotFound("x"), 2),
        (ResultUnreadable("x"), 2),
        (NoWeights("x"), 2),
        (TemplateWithoutTools("x"), 2),
        (CheckpointUnreadable("x"), 2),
        (MalformedCompletion("x"), 2),
        (RequestRefused("x"), 2),
        (ModelDoesNotFit("x"), 3),
        (ModelUnavailable("x"), 3),
        (RunLocked("x"), 3),
        (SandboxUnavailable("x"), 3),
        (SandboxDied("x"), 3),
        (InstallFailed("x"), 3),
        (OSError(28, "No space left on device"), 3),
    ],
)
def test_errors(error: AgentError | SandboxError | ModelError | OSError, code: int) -> None:
    assert of_error(error) == code
