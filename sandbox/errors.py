"""Errors of the sandbox package.

SandboxError
├── SandboxUnavailable        no engine, no bubblewrap: says how to get one
├── LimitNotEnforced          a limit read back from inside is absent or larger: fail closed
├── SandboxDied               the sandbox ended under us (killed from outside)
│   └── EngineLost            what runs the sandboxes went away: never the doing of the code inside
├── EnvironmentBroken         the project's environment cannot be built or cannot run its tests
│   ├── InstallFailed
│   │   └── EnvironmentTooLarge
│   ├── PythonNotFound
│   └── ToolchainNotFound
├── EnvironmentDamaged        a kept environment is not what was sealed: it is built anew
├── DiskFull                  no space left for a copy of the project or its environment
└── BadTarget                 the path, URL or repository given cannot be worked on

A command's non-zero exit, its time-out and its running out of memory are data
(`CommandResult`), not errors.
"""

from __future__ import annotations


class SandboxError(Exception):
    """Base class of all errors of sandboxes.

    `retryable` says whether the same call may succeed later unchanged.
    """

    retryable = False


class SandboxUnavailable(SandboxError):
    """The sandbox asked for does not exist on this machine; the message says how to get it."""


class LimitNotEnforced(SandboxError):
    """A limit asked for is not in force inside; running untrusted code would be unsafe."""


class SandboxDied(SandboxError):
    """The sandbox ended although nothing inside was asked to end it: infrastructure."""

    retryable = True


class EngineLost(SandboxDied):
    """The engine stopped or was restarted, or threw the sandbox away. Unlike other deaths of a
    sandbox, nobody may hold it against the code that ran inside."""


class EnvironmentBroken(SandboxError):
    """The project's environment cannot run its tests. Nothing was spent on a repair."""


class InstallFailed(EnvironmentBroken):
    """An install step failed; the message holds the step and the tail of its output."""


class EnvironmentTooLarge(InstallFailed):
    """The installation wrote more bytes or files than an environment may have."""

    @classmethod
    def over(cls, limit: str) -> EnvironmentTooLarge:
        return cls(
            f"the project's environment is too large: {limit};"
            " REPAIR_ENVIRONMENT_MEBIBYTES allows more"
        )


class PythonNotFound(EnvironmentBroken):
    """No interpreter here satisfies what the project or the user asks for."""


class ToolchainNotFound(EnvironmentBroken):
    """The sandbox has no interpreter or compiler of the project's language that is of use."""


class EnvironmentDamaged(SandboxError):
    """A kept environment is no longer what was sealed; it is forgotten, and can be built anew."""

    retryable = True


class DiskFull(SandboxError):
    """No space is left where the copy of the project or its environment has to go."""


class BadTarget(SandboxError):
    """The path, URL or commit given cannot be worked on; the message says why."""
