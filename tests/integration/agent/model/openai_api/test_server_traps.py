"""A server's known faults are found: each on a server that has that one alone."""

from __future__ import annotations

import pytest

from agent.model.openai_api.client import RemoteModel
from agent.model.openai_api.server_traps import PROBES, Outcome, try_traps
from tests.support.trap_server import trap_server

GOOD = dict.fromkeys(PROBES, Outcome.AVOIDED) | {"call in thinking": Outcome.UNCLEAR}


def outcomes(*traps: str, owner: str = "") -> dict[str, Outcome]:
    with trap_server(*traps, owner=owner) as server:
        model = RemoteModel(server.url)
        try:
            return {result.name: result.outcome for result in try_traps(model)}
        finally:
            model.close()


def test_a_server_without_faults() -> None:
    assert outcomes() == GOOD


@pytest.mark.parametrize(
    ("trap", "name", "outcome"),
    [
        ("strips", "indentation", Outcome.FALLEN_INTO),
        ("null_is_nothing", "null", Outcome.WORKED_AROUND),
        ("call_stays_in_thinking", "call in thinking", Outcome.WORKED_AROUND),
        ("call_in_thinking_is_lost", "call in thinking", Outcome.FALLEN_INTO),
        ("second_call_is_lost", "two calls", Outcome.FALLEN_INTO),
        ("streaming_loses_text", "long argument", Outcome.FALLEN_INTO),
        ("nothing_is_cached", "prefix reuse", Outcome.FALLEN_INTO),
        ("does_not_say_what_is_cached", "prefix reuse", Outcome.UNCLEAR),
        ("one_answer", "several answers", Outcome.WORKED_AROUND),
        ("ignores_the_budget", "thinking budget", Outcome.FALLEN_INTO),
        ("refuses_the_budget", "thinking budget", Outcome.FALLEN_INTO),
    ],
)
def test_each_fault_is_found_and_no_other(trap: str, name: str, outcome: Outcome) -> None:
    assert outcomes(trap) == GOOD | {name: outcome}


def test_text_that_streaming_loses_is_not_streamed_where_the_server_is_known_for_it() -> None:
    assert outcomes("streaming_loses_text", owner="sglang")["long argument"] is Outcome.AVOIDED
