"""propose: a slice of search, beside a model where there is one. Ends with a candidate for the
verdict, or with nothing yet."""

from __future__ import annotations

import time
from typing import Any

from agent.graph.budget import budget, patience_seconds, search_seconds_left
from agent.graph.context.run_context import RunContext
from agent.graph.model_choice import hear_verdicts, passed_patches, with_choices
from agent.graph.proposer_setup.make_portfolio import make_portfolio
from agent.graph.proposer_setup.make_search import make_search
from agent.graph.routing import search_is_wanted
from agent.graph.state import RepairState
from agent.proposers.base import Allowance, Proposer
from agent.proposers.given_patch import first_try
from agent.proposers.portfolio import Portfolio
from agent.proposers.search.search import Search
from agent.serialization import plain
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
    if isinstance(proposer, Portfolio):
        return _with_model(proposer, state, context)
    update = _proposed(proposer, SLICE_SECONDS, state, context)
    if isinstance(proposer, Search) and proposer.turned:
        update["turned"] = list(proposer.turned)
        if proposer.partial is not None:
            candidate, count = proposer.partial
            update["partial"] = {"candidate": candidate, "tests": count}
    return update


def _with_model(
    portfolio: Portfolio[Any], state: RepairState, context: RunContext
) -> dict[str, Any]:
    """As far as the next candidate of whoever has one first. The model works on after that."""
    began = time.monotonic()
    hear_verdicts(state, portfolio)
    portfolio.show(passed_patches(state))
    update = _proposed(portfolio, float("inf"), state, context)
    place = portfolio.place
    summary = f"{update['summary']}, {counted(place['turns'], 'turn')} of the model"
    choices = with_choices(state, portfolio.choices, time.monotonic() - began)
    return {**update, "judged": [], "portfolio": place, "summary": summary, **choices}


def _allowance(
    proposer: Proposer, slice_seconds: float, state: RepairState, context: RunContext
) -> Allowance:
    seconds = min(search_seconds_left(state), patience_seconds(state), slice_seconds)
    count = state.get("tried_before", 0) + proposer.tried
    candidates = budget(state).max_candidates - count
    return Allowance(
        max_seconds=max(seconds, 0.0),
        max_candidates=candidates if search_is_wanted(state) else 0,
        stop=context.stop,
    )


def _proposed(
    proposer: Proposer, slice_seconds: float, state: RepairState, context: RunContext
) -> dict[str, Any]:
    """The proposer's next candidate, and how far it is."""
    allowance = _allowance(proposer, slice_seconds, state, context)
    candidate = next(iter(proposer.propose(allowance)), None)
    update = {
        "proposed": [] if candidate is None else [plain(candidate)],
        "exhausted": proposer.exhausted,
        "candidates_tried": proposer.tried,
        "summary": f"{counted(proposer.tried, 'candidate')} tried",
    }
    if context.failed_operators.count:
        update["failed_operators"] = str(context.failed_operators)
        update["summary"] = f"{update['summary']}, {context.failed_operators}"
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
