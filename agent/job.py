"""The records that travel through a repair. All are frozen and plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from sandbox.edit import SourceEdit


class Status(StrEnum):
    """How a repair ended. Infrastructure failures are exceptions, not statuses."""

    REPAIRED = "repaired"  # a patch passed the verdict
    NOT_REPAIRED = "not_repaired"  # everything worth trying was tried
    BUDGET_EXHAUSTED = "budget_exhausted"  # a limit was reached first
    NOTHING_TO_FIX = "nothing_to_fix"  # every test passes
    NOT_REPRODUCED = "not_reproduced"  # the failure could not be shown
    FLAKY = "flaky"  # the failing tests also pass, unchanged
    NO_TESTS = "no_tests"  # none are there, or none of the name given
    ENVIRONMENT_BROKEN = "environment_broken"  # the tests cannot run here
    CANCELLED = "cancelled"  # by the user, or by the service


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Limits on one repair; the best validated patch so far is the result at a limit."""

    max_seconds: float = 300.0
    max_candidates: int = 100_000


@dataclass(frozen=True, kw_only=True)
class RepairJob:
    """What the user asks for."""

    run_id: str
    target: str
    """A local folder or a git URL, as given."""
    at: str | None = None
    """Commit, branch or tag; None takes the work tree as it is (or the URL's HEAD)."""
    install: str | None = None
    test: str | None = None
    python: str | None = None
    """A version ("3.11") or the path of an interpreter."""
    only: tuple[str, ...] = ()
    problem_statement: str | None = None
    """Untrusted text of an issue."""
    sandbox: str = "auto"
    include_tests: bool = False
    """Allow the patch to touch files that are not source. Tests are never editable."""
    budget: Budget = field(default_factory=Budget)


@dataclass(frozen=True, kw_only=True)
class CandidatePatch:
    """One proposal: edits against the base, not overlapping, in any number of files."""

    edits: tuple[SourceEdit, ...]
    proposer: str
    """`search`, `model` or `polish`."""
    operator: str
    """Which rule made it, e.g. `comparison.boundary`."""
    description: str
    """One line for people: `<` → `<=` in bisect.py:12."""
    score: float = 0.0
    """The proposer's own ranking; higher is tried first."""


@dataclass(frozen=True, kw_only=True)
class SuspiciousLine:
    """A place where the fault may be."""

    path: str
    line: int
    score: float
    """0..1 after weighting."""
    ochiai: float
    dstar: float
    reasons: tuple[str, ...] = ()
    """`traceback`, `assertion words`, …"""


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What the tests say before anything is changed."""

    failing: tuple[str, ...]
    passing: tuple[str, ...]
    flaky: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    seconds: float = 0.0
    """Wall-clock time of one whole run of the tests."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether a candidate makes it work, decided outside the place where it was made."""

    plausible: bool
    """All of fail_to_pass pass, none of pass_to_pass broke, and no check objected."""
    fail_to_pass: Mapping[str, str]
    """Test id → outcome with the patch."""
    pass_to_pass: Mapping[str, str]
    objections: tuple[str, ...] = ()
    """Why it was rejected, one sentence each; empty when plausible."""
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class PlausiblePatch:
    """A candidate that passed the verdict, with what speaks for and against it."""

    candidate: CandidatePatch
    diff: str
    """Unified diff against the base, minimised, as `git apply` takes it."""
    verdict: Verdict
    cautions: tuple[str, ...] = ()
    """Signs of overfitting, e.g. `deletes a return`."""
    score: float = 0.0
    """Selection score; the highest is the result."""


@dataclass(frozen=True, kw_only=True)
class RepairResult:
    """How a repair ended, with the evidence."""

    run_id: str
    status: Status
    reason: str
    """One sentence for people."""
    patch: PlausiblePatch | None = None
    alternatives: tuple[PlausiblePatch, ...] = ()
    baseline: Baseline | None = None
    suspicious: tuple[SuspiciousLine, ...] = ()
    candidates_tried: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Stage → wall-clock seconds."""
    result_path: Path | None = None
