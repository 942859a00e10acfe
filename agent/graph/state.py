"""What a repair knows between two nodes: plain JSON types only, so that checkpoints are safe."""

from __future__ import annotations

from typing import Any, TypedDict

Plain = dict[str, Any]


class RepairState(TypedDict, total=False):
    """Each value is a record made plain by `agent.serialization`, or a list of such."""

    job: Plain
    pytest_below: int
    """Major version: newer ones could not run this project's tests."""
    prepared: Plain
    """`agent.graph.run_context.Prepared`."""
    evidence: Plain
    """`agent.baseline.evidence.BaselineEvidence`."""
    generated: list[Plain]
    """`GeneratedTest` records: the tests that `reproduce` added to the base."""
    suspicious: list[Plain]
    proposed: list[Plain]
    """Candidates waiting for their verdict."""
    judged: list[Plain]
    """Candidates and verdicts that their proposer has not heard yet; only with a model."""
    portfolio: Plain
    """`Portfolio.place`; only with a model."""
    plausible: list[Plain]
    """`PlausiblePatch` records, in the order they were found."""
    rejected: int
    exhausted: bool
    """The proposers have nothing left to try."""
    candidates_tried: int
    failed_operators: str
    """Which operators of the search failed and at how many sites; absent where none did."""
    turned: list[str]
    """Failing tests that a candidate made pass while others still failed; without a model."""
    partial: Plain
    """`candidate` that made most failing tests pass, but not all, and how many (`tests`)."""
    first_plausible_seconds: float | None
    """Seconds of proposing when the first plausible patch was found."""
    seconds: dict[str, float]
    """Stage → wall-clock seconds spent, over all processes that worked on this run."""
    ending: Plain
    """`Ending`: set by the node that ends the repair."""
