"""The webhook over HTTP. Lines 38, 42, 47 and 48 of the abuse list."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from fastapi import FastAPI
from github_case import Case, running_case
from github_payloads import labelled, octokit_examples
from services import PostgresServer
from starlette.testclient import TestClient

from workers.config import ServiceSettings
from workers.github.connection import open_github
from workers.github.routes import github_router
from workers.store.store import open_store


def post(case: Case, headers: dict[str, str], body: bytes) -> int:
    return case.web.post("/github/webhook", headers=headers, content=body).status_code


def test_unsigned_and_oversized_bodies_leave_no_trace(case: Case) -> None:
    headers, body = case.stand_in.request("issues", labelled())
    bare = {k: v for k, v in headers.items() if k != "x-hub-signature-256"}
    assert post(case, bare, body) == 401
    assert post(case, {**bare, "x-hub-signature": "sha1=" + "0" * 40}, body) == 401
    assert post(case, headers, body + b" ") == 401
    assert post(case, headers, b"x" * (25 * 1024 * 1024 + 1)) == 413
    assert case.github.inbox.newest() == []


def test_odd_bodies_are_answered_by_number(case: Case) -> None:
    for payload in ({"a": None}, labelled() | {"issue": None}, labelled() | {"sender": []}):
        headers, body = case.stand_in.request("issues", payload)
        assert post(case, headers, body) in (200, 422)
    deep = b'{"a":' * 50_000 + b"1" + b"}" * 50_000
    digest = hmac.new(case.world.webhook_secret.encode(), deep, hashlib.sha256).hexdigest()
    headers, _ = case.stand_in.request("issues", {})
    assert post(case, {**headers, "x-hub-signature-256": f"sha256={digest}"}, deep) == 422


def test_every_octokit_example_is_answered(open_case: Case) -> None:
    answers: dict[int, int] = {}
    for event, path in octokit_examples():
        headers, body = open_case.stand_in.request(event, json.loads(path.read_bytes()))
        code = post(open_case, headers, body)
        answers[code] = answers.get(code, 0) + 1
    assert sum(answers.values()) == 273
    assert set(answers) == {200, 202}


def test_a_database_that_is_down_is_said_so_in_time(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    url = postgres.database()
    with running_case(tmp_path) as case, ExitStack() as stack:
        store = open_store(ServiceSettings(state_dir=tmp_path / "s", database_url=url))
        store.migrate()
        github = open_github(case.github.settings, store)
        app = FastAPI()
        app.include_router(github_router(github))
        web = stack.enter_context(TestClient(app))
        headers, body = case.stand_in.request("issues", labelled())
        postgres.stop()
        try:
            began = time.monotonic()
            assert web.post("/github/webhook", headers=headers, content=body).status_code == 503
            assert time.monotonic() - began < 10
        finally:
            postgres.start()
        assert github.inbox.newest() == [], "nothing was half-recorded"
        answer = web.post("/github/webhook", headers=headers, content=body)
        assert (answer.status_code, answer.json()["status"]) == (202, "accepted")
        github.close()
        store.close()


@pytest.mark.parametrize("event", ["ping", "star", "installation"])
def test_events_that_ask_for_nothing_are_ignored_with_a_reason(case: Case, event: str) -> None:
    answer = case.deliver(event, {"action": "created", "zen": "x"})
    assert answer["status_code"] == 200
    assert answer["status"] == "ignored"
    assert answer["reason"]


def test_deliveries_of_one_moment_are_recorded_together(case: Case) -> None:
    requests = [case.stand_in.request("issues", labelled(n)) for n in range(1, 61)]

    def send(request: tuple[dict[str, str], bytes]) -> int:
        return post(case, *request)

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(send, requests)) == {202}
    assert len(case.github.inbox.newest(100)) == 60
