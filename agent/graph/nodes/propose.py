"""propose: a slice of search. Ends with candidates for the verdict, or with nothing yet."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import Any

from agent.baseline.take import BaselineEvidence
from agent.events import Progress, Warned
from agent.graph.budget import budget, patience_seconds, repair_seconds_left
from agent.graph.proposer_setup import make_portfolio
from agent.graph.run_context import RunContext
from agent.graph.state import RepairState
from agent.proposers.base import Allowance, Proposer
from agent.proposers.given_patch import first_try
from agent.proposers.portfolio import Portfolio
from agent.proposers.search.journal import Journal
from agent.proposers.search.search import Search
from agent.proposers.search.search_setup import (
    TEST_SECONDS,
    evaluator_settings,
    guards,
    make_frontier,
    make_synthesis,
    representatives,
)
from agent.records import CandidatePatch, PlausiblePatch, SuspiciousLine, Verdict
from agent.serialization import plain, restore
from agent.validation.validation_context import reader
from agent.wording import counted
from sandbox.evaluation.rerun import RerunEvaluator, RerunSettings
from sandbox.languages.python.detection.test_setup import RunnerKind
from sandbox.languages.python.forking_evaluator import ForkingEvaluator

SLICE_SECONDS = 15.0
"""Between two checkpoints; a killed run loses no more than this of its accounting."""
COLLECT_SECONDS = 120.0


def propose(state: RepairState, context: RunContext) -> dict[str, Any]:
    if "exhausted" not in state and context.job.first_try is not None:
        return _brought_along(context.job.first_try, state, context)
    if context.proposer is None:
        context.calibrate(state)
        context.proposer = _proposer(state, context)
    proposer = context.proposer
    for heard in state.get("judged", []):
        proposer.learn(
            restore(CandidatePatch, heard["candidate"]), restore(Verdict, heard["verdict"])
        )
    alone = not isinstance(proposer, Portfolio)
    seconds = min(repair_seconds_left(state), patience_seconds(state))
    seconds = min(seconds, SLICE_SECONDS) if alone else seconds
    allowance = Allowance(
        max_seconds=max(seconds, 0.0),
        max_candidates=budget(state).max_candidates - proposer.tried,
        stop=context.stop,
    )
    found = list(islice(proposer.propose(allowance), 1 if alone else None))
    update = {
        "proposed": [plain(candidate) for candidate in found],
        "exhausted": proposer.exhausted,
        "candidates_tried": proposer.tried,
        "summary": f"{counted(proposer.tried, 'candidate')} tried",
    }
    if isinstance(proposer, Portfolio):
        place = proposer.place
        summary = f"{update['summary']}, {counted(place['turns'], 'turn')} of the model"
        update |= {"judged": [], "portfolio": place, "summary": summary}
    elif isinstance(proposer, Search) and proposer.turned:
        update["turned"] = list(proposer.turned)
    return update


def _brought_along(diff: str, state: RepairState, context: RunContext) -> dict[str, Any]:
    """The job's own patch, which costs a verdict; the search and the model come after it."""
    candidate = first_try(diff, reader(context.snapshot(state)))
    return {
        "proposed": [] if candidate is None else [plain(candidate)],
        "exhausted": False,
        "summary": "the patch that came along " + ("fits" if candidate else "does not fit here"),
    }


def _proposer(state: RepairState, context: RunContext) -> Proposer:
    if context.job.asks_model:
        return make_portfolio(state, context, lambda: _search(state, context))
    return _search(state, context)


def _search(state: RepairState, context: RunContext) -> Search:
    evidence = restore(BaselineEvidence, state["evidence"])
    project = context.prepared(state).project
    targets = representatives(evidence.failures, evidence.seconds)
    snapshot = context.snapshot(state)
    evaluator: ForkingEvaluator | RerunEvaluator
    synthesise = None
    known = context.pytest_ids(state, targets)
    if project.runner is RunnerKind.COMMAND or len(known) < len(targets):
        evaluator = _rerun(evidence, state, context)
    else:
        evaluator = _forking(evidence, state, context)
        first = known[0]
        passing = context.pytest_ids(state, evidence.baseline.passing)
        synthesise = make_synthesis(evaluator, snapshot, first, guards([first], passing, {}))
    frontier = make_frontier(
        [restore(SuspiciousLine, line) for line in state["suspicious"]],
        snapshot,
        is_source=lambda path: not project.is_test_path(path),
        tests=context.failing_sources(state),
        message="\n".join(failure.message for failure in evidence.failures.values()),
        model=context.model if context.ranks else None,
    )
    if isinstance(evaluator, ForkingEvaluator):
        evaluator.wait_ready(COLLECT_SECONDS)
    journal = Journal(context.folder.journal)
    for found in state.get("plausible", []):
        journal.add(restore(PlausiblePatch, found).candidate.edits)
    return Search(
        evaluator=evaluator,
        frontier=frontier,
        journal=journal,
        workers=context.workers,
        targets=len(targets),
        listen=context.listen,
        synthesise=synthesise,
    )


def _forking(
    evidence: BaselineEvidence, state: RepairState, context: RunContext
) -> ForkingEvaluator:
    """Imports and collects once, forks for each candidate."""
    setup, ids = context.pytest_setup(state), partial(context.pytest_ids, state)
    context.listen(Progress(text="collecting the tests once for all candidates"))
    return ForkingEvaluator(
        context.open(state), evaluator_settings(evidence, setup, context.workers, ids)
    )


def _rerun(evidence: BaselineEvidence, state: RepairState, context: RunContext) -> RerunEvaluator:
    """Runs the whole command for each candidate."""
    context.listen(
        Warned(text="the test command runs as a whole for every candidate: this is slow")
    )
    settings = RerunSettings(
        runner=context.runner(state),
        targets=evidence.baseline.failing,
        regressions=evidence.baseline.passing,
        timeout_seconds=TEST_SECONDS + 3 * evidence.baseline.seconds,
        read=context.snapshot(state).text,
    )
    return RerunEvaluator(lambda: context.open(state), settings, context.workers)
