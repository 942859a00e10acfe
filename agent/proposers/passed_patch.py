"""A patch that passed the verdict, as the model is shown it, and the model's answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PassedPatch:
    """A patch that no conversation made, and that passed the verdict."""

    number: int
    """By which the model names it; from 1, and never another's in this run."""
    key: str
    """Of its edits (`agent.proposers.agentic.candidate.key_of`)."""
    description: str
    diff: str
    cautions: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The patch that one conversation stands for."""

    key: str
    reason: str
    """Why it chose a patch of somebody else; empty for its own."""
