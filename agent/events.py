"""Events of a running repair. The CLI, the log and the service listen to the same stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from agent.records import Baseline, SuspiciousLine


@dataclass(frozen=True, kw_only=True)
class StageStarted:
    stage: str
    """Node name: prepare, baseline, localize, propose, validate, select."""


@dataclass(frozen=True, kw_only=True)
class StageEnded:
    stage: str
    seconds: float
    summary: str
    """One line for people; empty when there is nothing to say."""
    cut_off: bool = False
    """The time was over before it was through."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Something inside a long stage, e.g. an install step."""

    text: str
    background: bool = False
    """Of the model while the stage does something else beside it."""


@dataclass(frozen=True, kw_only=True)
class Warned:
    """Something the user should know and can act on."""

    text: str


@dataclass(frozen=True, kw_only=True)
class BaselineTaken:
    baseline: Baseline


@dataclass(frozen=True, kw_only=True)
class Localized:
    lines: tuple[SuspiciousLine, ...]


@dataclass(frozen=True, kw_only=True)
class SearchProgress:
    tried: int
    per_second: float
    best: str
    """The most promising candidate so far, one line; empty at first."""


@dataclass(frozen=True, kw_only=True)
class CandidateValidated:
    plausible: bool
    description: str
    objections: tuple[str, ...] = ()


Event: TypeAlias = (
    StageStarted
    | StageEnded
    | Progress
    | Warned
    | BaselineTaken
    | Localized
    | SearchProgress
    | CandidateValidated
)
Listener: TypeAlias = Callable[[Event], None]


def in_background(event: Event) -> Event:
    """The event of somebody who works beside the stage."""
    return replace(event, background=True) if isinstance(event, Progress) else event
