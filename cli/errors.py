"""Errors of the command line.

CliError
├── BadInput       an argument that cannot be used; the message says what to give instead
├── ServiceDown    the queue, its server or their packages cannot be used now
└── ApplyRefused   the patch was found and saved, but not applied; the message says why
"""

from __future__ import annotations

from cli.exit_codes import ExitCode


class CliError(Exception):
    """Base class of all errors that a command reports."""

    exit_code = ExitCode.BAD_INPUT


class BadInput(CliError):
    """An argument that cannot be used."""


class ServiceDown(CliError):
    """What the command talks to does not work; its arguments may be right."""

    exit_code = ExitCode.INFRASTRUCTURE


class ApplyRefused(CliError):
    """The target is not as the patch needs it. Nothing was changed."""
