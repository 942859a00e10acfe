"""propose: a slice of search. Ends with candidates for the verdict, or with nothing yet."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import Any

from agent.baseline.take import BaselineEvidence
from agent.events import Progress, Warned
from agent.graph.budget import budget, patience_seconds, search_seconds_left
from agent.graph.proposer_setup import make_portfolio
from agent.graph.run_context import Workbench
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
from sandbox.evaluation.rerun import Rerun, RerunSettings
from sandbox.languages.python.detection.test_setup import RunnerKind
from sandbox.languages.python.forking_evaluator import Evaluator

SLICE_SECONDS = 15.0
"""Between two checkpoints; a killed run loses no more than this of its accounting."""
COLLECT_SECONDS = 120.0


def propose(state: RepairState, bench: Workbench) -> dict[str, Any]:
    if "exhausted" not in state and bench.job.first_try is not None:
        return _brought_along(bench.job.first_try, state, bench)
    if bench.proposer is None:
        bench.open_court(state)
        bench.proposer = _proposer(state, bench)
    proposer = bench.proposer
    for heard in state.get("judged", []):
        proposer.learn(
            restore(CandidatePatch, heard["candidate"]), restore(Verdict, heard["verdict"])
        )
    alone = not isinstance(proposer, Portfolio)
    seconds = min(search_seconds_left(state), patience_seconds(state))
    seconds = min(seconds, SLICE_SECONDS) if alone else seconds
    allowance = Allowance(
        max_seconds=max(seconds, 0.0),
        max_candidates=budget(state).max_candidates - proposer.tried,
        stop=bench.stop,
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


def _brought_along(diff: str, state: RepairState, bench: Workbench) -> dict[str, Any]:
    """The job's own patch, which costs a verdict; the search and the model come after it."""
    candidate = first_try(diff, reader(bench.snapshot(state)))
    return {
        "proposed": [] if candidate is None else [plain(candidate)],
        "exhausted": False,
        "summary": "the patch that came along " + ("fits" if candidate else "does not fit here"),
    }


def _proposer(state: RepairState, bench: Workbench) -> Proposer:
    if bench.job.asks_model:
        return make_portfolio(state, bench, lambda: _search(state, bench))
    return _search(state, bench)


def _search(state: RepairState, bench: Workbench) -> Search:
    evidence = restore(BaselineEvidence, state["evidence"])
    project = bench.prepared(state).project
    targets = representatives(evidence.failures, evidence.seconds)
    snapshot = bench.snapshot(state)
    evaluator: Evaluator | Rerun
    synthesise = None
    known = bench.pytest_ids(state, targets)
    if project.runner is RunnerKind.COMMAND or len(known) < len(targets):
        evaluator = _rerun(evidence, state, bench)
    else:
        evaluator = _forking(evidence, state, bench)
        first = known[0]
        passing = bench.pytest_ids(state, evidence.baseline.passing)
        synthesise = make_synthesis(evaluator, snapshot, first, guards([first], passing, {}))
    frontier = make_frontier(
        [restore(SuspiciousLine, line) for line in state["suspicious"]],
        snapshot,
        is_source=lambda path: not project.is_test_path(path),
        tests=bench.failing_sources(state),
        message="\n".join(failure.message for failure in evidence.failures.values()),
        model=bench.model if bench.ranks else None,
    )
    if isinstance(evaluator, Evaluator):
        evaluator.wait_ready(COLLECT_SECONDS)
    journal = Journal(bench.folder.journal)
    for found in state.get("plausible", []):
        journal.add(restore(PlausiblePatch, found).candidate.edits)
    return Search(
        evaluator=evaluator,
        frontier=frontier,
        journal=journal,
        workers=bench.workers,
        targets=len(targets),
        listen=bench.listen,
        synthesise=synthesise,
    )


def _forking(evidence: BaselineEvidence, state: RepairState, bench: Workbench) -> Evaluator:
    """Imports and collects once, forks for each candidate."""
    setup, ids = bench.pytest_setup(state), partial(bench.pytest_ids, state)
    bench.listen(Progress(text="collecting the tests once for all candidates"))
    return Evaluator(bench.open(state), evaluator_settings(evidence, setup, bench.workers, ids))


def _rerun(evidence: BaselineEvidence, state: RepairState, bench: Workbench) -> Rerun:
    """Runs the whole command for each candidate."""
    bench.listen(Warned(text="the test command runs as a whole for every candidate: this is slow"))
    settings = RerunSettings(
        runner=bench.runner(state),
        targets=evidence.baseline.failing,
        regressions=evidence.baseline.passing,
        timeout_seconds=TEST_SECONDS + 3 * evidence.baseline.seconds,
        read=bench.snapshot(state).text,
    )
    return Rerun(lambda: bench.open(state), settings, bench.workers)
