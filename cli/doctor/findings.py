"""The records of `repair doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    OK = "ok"
    PARTLY = "partly"  # works, with something less than asked for
    MISSING = "missing"  # not there; the main job may do without it
    BROKEN = "broken"  # there, and does not work


@dataclass(frozen=True, kw_only=True)
class Finding:
    name: str
    state: State
    found: str
    advice: str = ""
    """What to do; empty when nothing needs to be done."""
    needed_for: str = ""
    """Of what a repair does without: what it is for. Empty for what a repair needs."""


@dataclass(frozen=True, kw_only=True)
class Report:
    findings: tuple[Finding, ...]
    can_repair: bool
