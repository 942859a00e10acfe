"""The REST client against the stand-in: pages, ETags, limits, errors with names."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.support.github_case import Case
from tests.support.github_stand_in.world import Refused
from workers.forges.api.repository import Thread
from workers.forges.errors import (
    CallFailed,
    Forbidden,
    NotVisible,
    RateLimited,
    Rejected,
    Unauthorized,
    Unreachable,
)
from workers.github.api.client import GitHubClient
from workers.github.api.tokens import PUBLISH_PERMISSIONS, READ_PERMISSIONS
from workers.github.redelivery import missed


def bearer(case: Case, permissions: Any = PUBLISH_PERMISSIONS) -> str:
    return f"Bearer {case.github.tokens.token('acme/ledger', permissions).get_secret_value()}"


def test_a_list_is_followed_over_its_pages(case: Case) -> None:
    number = case.issue()
    repository = case.github.repository("acme/ledger")
    for text in range(250):
        repository.comment(Thread(number), f"comment {text}")
    mark = "comment 249"
    assert repository.comment_with(Thread(number), mark) is not None
    assert case.calls("GET", f"/issues/{number}/comments") == 3


def test_what_has_not_changed_costs_no_call(case: Case) -> None:
    repository = case.github.repository("acme/ledger")
    repository.default_branch()
    left = case.world.remaining
    for _ in range(5):
        assert repository.default_branch() == "main"
    assert case.world.remaining == left
    assert case.world.not_modified == 5
    case.repo.default_branch = "trunk"
    assert repository.default_branch() == "trunk"


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda c: c.github.client.get("/repos/acme/ledger", "Bearer nobody"), Unauthorized),
        (lambda c: c.github.client.get("/repos/acme/other", bearer(c)), NotVisible),
        (
            lambda c: c.github.client.change(
                "POST",
                "/repos/acme/ledger/issues/1/comments",
                bearer(c, READ_PERMISSIONS),
                {"body": "x"},
            ),
            Forbidden,
        ),
        (
            lambda c: c.github.client.change(
                "POST", "/repos/acme/ledger/pulls", bearer(c), {"title": "x"}
            ),
            Rejected,
        ),
    ],
)
def test_errors_have_names(
    case: Case, call: Callable[[Case], object], error: type[CallFailed]
) -> None:
    case.world.add_repo("acme/other", {"a": ""})
    with pytest.raises(error) as raised:
        call(case)
    assert not raised.value.retryable


def test_a_token_sees_no_other_repository(case: Case) -> None:
    """404, not 403: GitHub does not even say that it is there."""
    case.world.add_repo("acme/other", {"a": ""})
    with pytest.raises(NotVisible):
        case.github.client.get("/repos/acme/other/pulls", bearer(case))


def test_the_primary_limit_names_the_time_to_come_back(case: Case) -> None:
    authorization = bearer(case)
    case.world.remaining = 0
    with pytest.raises(RateLimited) as limited:
        case.github.client.get("/repos/acme/ledger", authorization)
    assert 1 <= limited.value.retry_after_seconds <= 61
    case.world.remaining = 100
    with pytest.raises(RateLimited):
        case.github.client.get("/repos/acme/ledger", authorization)


def test_a_secondary_limit_without_a_time_is_a_minute(case: Case) -> None:
    authorization = bearer(case)
    case.world.answers.append(lambda m, p: Refused(429, "slow down"))
    with pytest.raises(RateLimited) as limited:
        case.github.client.get("/repos/acme/ledger", authorization)
    assert limited.value.retry_after_seconds == 60


def test_limits_and_etags_hold_for_calls_of_the_app_itself(case: Case) -> None:
    case.world.hook_deliveries = [{"id": 1, "guid": "a", "event": "issues"}]
    for seconds in (0.0, 1.0):  # an id for each second is in a token
        time.sleep(seconds)
        assert [one.delivery_id for one in missed(case.github)] == ["a"]
    assert case.world.not_modified == 1
    case.world.remaining = 0
    case.world.hook_deliveries = []
    calls = len(case.world.calls)
    for _ in range(2):
        with pytest.raises(RateLimited):
            missed(case.github)
    assert len(case.world.calls) == calls + 1


def test_changes_keep_their_distance(case: Case) -> None:
    slept: list[float] = []
    client = GitHubClient(case.stand_in.api_url, write_interval_seconds=30, sleep=slept.append)
    number = case.issue()
    path = f"/repos/acme/ledger/issues/{number}/comments"
    for _ in range(3):
        client.change("POST", path, bearer(case), {"body": "x"})
    client.close()
    assert len(slept) == 2
    assert 0 < slept[0] <= 30 < slept[1] <= 60


def test_a_link_to_another_host_gets_no_token() -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        link = {"link": '<https://evil.example/more>; rel="next"'}
        return httpx.Response(200, json=[1], headers=link)

    client = GitHubClient("https://api.example", transport=httpx.MockTransport(answer))
    with pytest.raises(CallFailed, match="another host"):
        list(client.pages("/things", "Bearer secret"))
    assert asked == ["api.example"]


@pytest.mark.parametrize("fault", [500, 502, 503])
def test_a_broken_github_is_worth_trying_again(case: Case, fault: int) -> None:
    authorization = bearer(case)
    case.world.answers.append(lambda m, p: Refused(fault, "oops"))
    with pytest.raises(Unreachable) as unreachable:
        case.github.client.get("/repos/acme/ledger", authorization)
    assert unreachable.value.retryable
