"""propose: a slice of search. Ends with candidates for the verdict, or with nothing yet."""

from __future__ import annotations

from itertools import islice
from typing import Any

from agent.graph.budget import budget, patience_seconds, search_seconds_left
from agent.graph.make_portfolio import make_portfolio
from agent.graph.make_search import make_search
from agent.graph.run_context import RunContext
from agent.graph.state import RepairState
from agent.proposers.base import Allowance, Proposer
from agent.proposers.given_patch import first_try
from agent.proposers.portfolio import Portfolio
from agent.proposers.search.search import Search
from agent.records import CandidatePatch, Verdict
from agent.serialization import plain, restore
from agent.validation.validation_context import reader
from agent.wording import counted

SLICE_SECONDS = 15.0
"""Between two checkpoints; a killed run loses no more than this of its accounting."""


def propose(state: RepairState, context: RunContext) -> dict[str, Any]:
    if "exhausted" not in state and context.job.first_try is not None:
        return _brought_along(context.job.first_try, state, context)
    if context.proposer is None:
        context.begin_validation(state)
        context.proposer = _proposer(state, context)
    proposer = context.proposer
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
        stop=context.stop,
    )
    found = list(islice(proposer.propose(allowance), 1 if alone else None))
    update = {
        "proposed": [plain(candidate) for candidate in found],
        "exhausted": proposer.exhausted,
        "candidates_tried": proposer.tried,
        "summary": f"{counted(proposer.tried, 'candidate')} tried",
    }
    if context.failed_operators.count:
        update["failed_operators"] = str(context.failed_operators)
        update["summary"] = f"{update['summary']}, {context.failed_operators}"
    if isinstance(proposer, Portfolio):
        place = proposer.place
        summary = f"{update['summary']}, {counted(place['turns'], 'turn')} of the model"
        update |= {"judged": [], "portfolio": place, "summary": summary}
    elif isinstance(proposer, Search) and proposer.turned:
        update["turned"] = list(proposer.turned)
        if proposer.partial is not None:
            candidate, count = proposer.partial
            update["partial"] = {"candidate": candidate, "tests": count}
    return update


def _brought_along(diff: str, state: RepairState, context: RunContext) -> dict[str, Any]:
    """The job's own patch, which costs a verdict; the search and the model come after it."""
    candidate = first_try(diff, reader(context.prepared(state).snapshot))
    return {
        "proposed": [] if candidate is None else [plain(candidate)],
        "exhausted": False,
        "summary": "the patch that came along " + ("fits" if candidate else "does not fit here"),
    }


def _proposer(state: RepairState, context: RunContext) -> Proposer:
    if context.job.asks_model:
        return make_portfolio(state, context, lambda: make_search(state, context))
    return make_search(state, context)
