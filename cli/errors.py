"""Errors of the command line.

CliError
├── BadInput       an argument that cannot be used; the message says what to give instead
└── ApplyRefused   the patch was found and saved, but not applied; the message says why
"""

from __future__ import annotations


class CliError(Exception):
    """Root of the tree. Both kinds end the command with exit code 2."""


class BadInput(CliError):
    """An argument that cannot be used."""


class ApplyRefused(CliError):
    """The target is not as the patch needs it. Nothing was changed."""
