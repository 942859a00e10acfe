"""One caller, or one repository, that would have all there is of the service."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from agent.events import StageEnded, Warned
from tests.support.web_case import Site, site
from workers.queue.execution.reporter import CUT_WARNING, MAX_EVENTS, Reporter
from workers.web import limits
from workers.web.auth.scopes import Scope
from workers.web.service import MAX_STREAMS_PER_OWNER

JOBS = "/api/v1/jobs"
URL = "https://github.com/{}"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A service that waits for a body for a moment only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits.BodyTime.__init__, "__defaults__", (5.0, limits.MAX_BODIES_PER_PEER))
        with site(tmp_path_factory.mktemp("service")) as running:
            yield running


@pytest.fixture
def greedy(here: Site) -> Iterator[httpx.Client]:
    token = here.token(Scope.READ, Scope.SUBMIT, owner="greedy")
    headers = {"Authorization": f"Bearer {token}"}
    pool = httpx.Limits(max_connections=None)
    with httpx.Client(base_url=here.url, headers=headers, timeout=60, limits=pool) as client:
        yield client


def other(here: Site) -> dict[str, str]:
    return {"Authorization": f"Bearer {here.token(Scope.READ, Scope.SUBMIT, owner='other')}"}


def test_other_spellings_of_a_repository_are_no_more_places(
    here: Site, greedy: httpx.Client
) -> None:
    spellings = [
        "Ada/Ledger",
        "ada/ledger.git",
        "ADA/LEDGER/",
        "ada//ledger",
        "ada/./ledger",
        "ada/x/../ledger",
        "%61da/ledger",
        "ada/ledger.git.git/",
    ]
    targets = [URL.format(spelling) for spelling in spellings]
    targets += ["git@github.com:ada/ledger.git", "ssh://git@GITHUB.com.:22/ada/ledger"]
    for target in targets:
        assert greedy.post(JOBS, json={"target": target}).status_code == 201, target
    assert greedy.post(JOBS, json={"target": URL.format("aDA/ledger")}).status_code == 429
    answer = httpx.post(
        f"{here.url}{JOBS}", json={"target": URL.format("ada/ledger")}, headers=other(here)
    )
    assert answer.status_code == 201, "the others' places are their own"


def test_a_key_never_gives_another_owners_job(here: Site, greedy: httpx.Client) -> None:
    victim = here.token(Scope.READ, Scope.SUBMIT, owner="greedy:victim")
    body = {"target": URL.format("victim/private")}
    asked = {"Authorization": f"Bearer {victim}", "Idempotency-Key": "k"}
    theirs = httpx.post(f"{here.url}{JOBS}", json=body, headers=asked)
    answer = greedy.post(JOBS, json=body, headers={"Idempotency-Key": "victim:k"})
    assert (theirs.status_code, answer.status_code) == (201, 201)
    assert answer.json()["job"]["id"] != theirs.json()["job"]["id"]


def test_many_streams_of_one_leave_places_for_others(here: Site, greedy: httpx.Client) -> None:
    mine, theirs = here.submit(owner="greedy"), here.submit(owner="other")
    path = f"{JOBS}/{mine.id}/events"
    with ExitStack() as stack:
        for _ in range(MAX_STREAMS_PER_OWNER):
            answer = stack.enter_context(greedy.stream("GET", path))
            assert answer.status_code == 200
        refused = greedy.get(path)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
        with httpx.stream(
            "GET", f"{here.url}{JOBS}/{theirs.id}/events", headers=other(here)
        ) as answer:
            assert answer.status_code == 200


def sending(here: Site, path: str) -> socket.socket:
    """A connection that announces a body and sends its first byte."""
    connection = socket.create_connection(("127.0.0.1", here.settings.listen_port), timeout=60)
    connection.sendall(
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{here.settings.listen_port}\r\n"
        "Content-Length: 1000\r\nContent-Type: application/json\r\n\r\n{".encode()
    )
    return connection


@pytest.mark.parametrize("path", [JOBS, "/login"])
def test_a_body_that_never_ends_is_ended(path: str, here: Site) -> None:
    with sending(here, path) as connection:
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 408")


def test_many_slow_bodies_are_refused_at_once(here: Site) -> None:
    with ExitStack() as stack:
        waiting = [
            stack.enter_context(sending(here, JOBS)) for _ in range(limits.MAX_BODIES_PER_PEER + 5)
        ]
        answers = [connection.recv(12) for connection in waiting]
    assert answers.count(b"HTTP/1.1 429") >= 5
    assert httpx.post(f"{here.url}/login", data={"token": "x"}).status_code == 401


def test_a_repository_that_talks_without_end() -> None:
    reporter = Reporter()
    for number in range(MAX_EVENTS + 5_000):
        reporter(Warned(text=f"{number}"))
    reporter(StageEnded(stage="propose", seconds=1.0, summary="ok"))
    events = reporter.take()
    assert len(events) == MAX_EVENTS + 1
    assert events[-2].data == {"text": CUT_WARNING}
    assert events[-1].kind == "stage_ended"


def test_a_repository_that_says_few_and_large_things() -> None:
    reporter = Reporter()
    for _ in range(100):
        reporter(Warned(text="x" * 1024**2))
    assert len(reporter.take()) <= 33
