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
    """`agent.graph.context.run_context.Prepared`."""
    evidence: Plain
    """`agent.baseline.evidence.BaselineEvidence`."""
    generated: list[Plain]
    """`GeneratedTest` records: the tests that `reproduce` added to the base."""
    taken_as_tests: list[str]
    """Files that count as tests although their names do not say so; absent before there are any."""
    suspicious: list[Plain]
    failure_values: list[Plain]
    """`path`, `line` and `values` (name → short literal) of the frames of the first few failures;
    absent in states of earlier versions."""
    proposed: list[Plain]
    """Candidates waiting for their verdict."""
    judged: list[Plain]
    """Candidates and verdicts that their proposer has not heard yet; only with a model."""
    portfolio: Plain
    """`Portfolio.place`; only with a model."""
    plausible: list[Plain]
    """`PlausiblePatch` records of what passed the verdict, in the order they were found."""
    rejected: int
    best_rejected: Plain | None
    """`RejectedPatch` record of this round's: the model's candidate that came nearest, or any that
    an example alone speaks against; None or absent before one."""
    rejected_before: Plain | None
    """That of the earlier rounds, for the result; None or absent where they had none."""
    exhausted: bool
    """The proposers have nothing left to try."""
    candidates_tried: int
    failed_operators: str
    """Which operators of the search failed and at how many sites; absent where none did."""
    turned: list[str]
    """Failing tests that a candidate made pass while others still failed; without a model."""
    partial: Plain | None
    """`candidate` that made most failing tests pass, but not all, and how many (`tests`)."""
    heard: Plain | None
    """When a patch of the model passed, or it chose one: `seconds` of proposing and `verdicts`
    until then; None or absent before."""
    first_plausible_seconds: float | None
    """Seconds of proposing when the first patch that passed the verdict was found."""
    seconds: dict[str, float]
    """Stage → wall-clock seconds spent, over all processes that worked on this run."""
    asked: list[str]
    """Failing tests that show the problem stated, where other tests fail, too."""
    unshown: str
    """`RepairResult.unshown`."""
    groups: list[Plain]
    """`TestGroup` records: failing tests that are looked at after those of `evidence`."""
    rounds: int
    """Groups that were looked at, that of `evidence` included; absent before there are groups."""
    causes: int
    """Groups that are no part of another."""
    round_until: float | None
    """Seconds of the whole repair (`spent_seconds`) after which the next group has its turn."""
    near: list[Plain]
    """What made some of the failing tests pass and broke nothing: `candidate`, and the `tests`;
    none where that is not known yet."""
    narrowed: list[str]
    """Tests of this round's group, where the patch is judged by some of them only."""
    repaired: Plain
    """What earlier rounds repaired: `tests`, the `patches` that the verdict took on them, and
    `cautions` about these."""
    unrepaired: dict[str, str]
    """Failing test → why no round repaired it."""
    first_ending: Plain | None
    """`Ending` of the first round that repaired nothing."""
    tried_before: int
    """Candidates of earlier rounds."""
    earlier: list[Plain]
    """`portfolio` of each earlier round."""
    ending: Plain | None
    """`Ending`: set by the node that ends the repair; None again where another round begins."""
