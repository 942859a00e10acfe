"""The webhook over HTTP. Lines 38, 42, 47 and 48 of the abuse list."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from tests.support.github_case import Case, running_case
from tests.support.github_payloads import labelled, octokit_examples
from tests.support.half_open import Proxy
from tests.support.services import PostgresServer
from workers.config import ServiceSettings
from workers.forges.intake import group_commit
from workers.forges.routes import forge_router
from workers.github.connection import open_github
from workers.github.redelivery import missed, redeliver
from workers.records import JobState
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
        app.include_router(forge_router(github))
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


@contextmanager
def silent(case: Case, proxy: Proxy) -> Iterator[None]:
    """The connections there are carry nothing any more, and nobody is told."""
    case.github.inbox.newest()  # one at least is open
    proxy.go_silent()
    yield


@contextmanager
def locked(case: Case, _proxy: Proxy) -> Iterator[None]:
    """Somebody (a migration, a person) holds the table."""
    with case.store.transaction() as connection:
        connection.exec_driver_sql("LOCK TABLE github_deliveries IN EXCLUSIVE MODE")
        yield


@pytest.mark.parametrize("hanging", [silent, locked])
def test_a_database_that_hangs_is_said_so_in_time_and_loses_nothing(
    tmp_path: Path,
    postgres: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
    hanging: Callable[[Case, Proxy], AbstractContextManager[None]],
) -> None:
    assert group_commit.RECORD_TIMEOUT_SECONDS < 10, "GitHub waits no longer"
    monkeypatch.setattr(group_commit, "RECORD_TIMEOUT_SECONDS", 0.5)
    proxy = Proxy(postgres.port)
    url = postgres.database().replace(f":{postgres.port}/", f":{proxy.port}/")
    with running_case(tmp_path, url) as case, closing(proxy):
        delivery_id = str(uuid.uuid4())
        headers, body = case.stand_in.request(
            "issues", labelled(case.issue()), delivery_id=delivery_id
        )
        with hanging(case, proxy):
            began = time.monotonic()
            assert post(case, headers, body) == 503
            assert time.monotonic() - began < 10
        monkeypatch.undo()
        sent = {"id": 12, "guid": delivery_id, "event": "issues", "action": "labeled"}
        case.world.hook_deliveries.append({**sent, "status_code": 503})
        for one in missed(case.github):  # unless what was under way got through after all
            redeliver(case.github, one)
        assert post(case, headers, body) == 202, "what hangs holds up nothing that comes later"
        case.handle()
        assert missed(case.github) == []
        assert case.job().state is JobState.QUEUED
        assert len(case.github.inbox.newest()) == 1


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
