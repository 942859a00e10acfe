"""Who may see and do what."""

from __future__ import annotations

import http.cookies
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from tests.support.web_case import Site, service_settings, site
from workers.store.store import open_store
from workers.store.tables import api_tokens
from workers.web.auth import session
from workers.web.auth.access import is_loopback
from workers.web.auth.scopes import Scope
from workers.web.auth.tokens import PREFIX, TokenStore

JOBS = "/api/v1/jobs"


@pytest.fixture
def anyone(here: Site) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=here.url, timeout=30) as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_token_is_kept_as_a_hash_alone(here: Site) -> None:
    secret = here.token(Scope.READ)
    assert secret.startswith(PREFIX)
    assert len(secret) >= len(PREFIX) + 43  # 256 bits
    with here.store.transaction() as connection:
        row = connection.execute(select(api_tokens)).one()
    assert secret not in str(row)
    assert secret.removeprefix(PREFIX) not in str(row)


def test_unknown_revoked_and_expired_tokens(here: Site, anyone: httpx.Client) -> None:
    tokens = TokenStore(here.store.engine)
    revoked, secret = tokens.create("a", [Scope.READ], owner="a")
    assert anyone.get(JOBS, headers=bearer(secret)).status_code == 200
    tokens.revoke(revoked.id)
    _, expired = tokens.create("b", [Scope.READ], owner="b", days=0.05 / 86_400)
    time.sleep(0.2)
    for wrong in (secret, expired, PREFIX + "x" * 43, "x", PREFIX + "é\udcff"):
        headers = {"Authorization": f"Bearer {wrong}".encode("utf-8", "surrogateescape")}
        answer = anyone.get(JOBS, headers=headers)
        assert answer.status_code == 401, wrong
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        (Scope.READ, {"list", "job", "metrics"}),
        (Scope.SUBMIT, {"submit", "retry"}),
        (Scope.CANCEL, {"cancel"}),
        (Scope.ADMIN, {"list", "job", "metrics", "submit", "retry", "cancel"}),
    ],
)
def test_a_scope_allows_what_it_names(
    scope: Scope, allowed: set[str], here: Site, anyone: httpx.Client
) -> None:
    headers = bearer(here.token(scope, owner="ada"))
    job = here.submit(owner="ada").id
    target = {"target": "https://git.example.com/a/b"}
    done = {
        "list": anyone.get(JOBS, headers=headers),
        "job": anyone.get(f"{JOBS}/{job}", headers=headers),
        "metrics": anyone.get("/metrics", headers=headers),
        "submit": anyone.post(JOBS, headers=headers, json=target),
        "cancel": anyone.post(f"{JOBS}/{job}/cancel", headers=headers),
    }
    here.store.cancel(job, by="the test")
    done["retry"] = anyone.post(f"{JOBS}/{job}/retry", headers=headers)
    assert {name for name, answer in done.items() if answer.is_success} == allowed
    assert {a.status_code for name, a in done.items() if name not in allowed} <= {403}


def test_jobs_of_others_do_not_exist_for_a_token(here: Site, anyone: httpx.Client) -> None:
    job = here.submit(owner="eve").id
    headers = bearer(here.token(Scope.READ, Scope.SUBMIT, Scope.CANCEL, owner="ada"))
    for method, path in (
        ("GET", f"{JOBS}/{job}"),
        ("GET", f"{JOBS}/{job}/events"),
        ("GET", f"{JOBS}/{job}/result"),
        ("GET", f"{JOBS}/{job}/patch"),
        ("POST", f"{JOBS}/{job}/cancel"),
        ("POST", f"{JOBS}/{job}/retry"),
        ("GET", f"/jobs/{job}/live"),
    ):
        assert anyone.request(method, path, headers=headers).status_code == 404, path
    assert anyone.get(JOBS, headers=headers).json()["jobs"] == []
    team = bearer(here.token(Scope.READ, owner="eve", name="another of eve's"))
    assert anyone.get(f"{JOBS}/{job}", headers=team).status_code == 200


def test_who_sits_at_the_machine_may_look_until_there_is_a_token(
    here: Site, anyone: httpx.Client
) -> None:
    job = here.submit(owner="ada").id
    assert anyone.get("/").status_code == 200
    assert anyone.get(f"{JOBS}/{job}").status_code == 200
    assert anyone.post(f"{JOBS}/{job}/cancel").status_code == 401
    assert anyone.post(JOBS, json={"target": "https://git.example.com/a"}).status_code == 401
    here.token(Scope.READ)
    assert anyone.get(f"{JOBS}/{job}").status_code == 401
    assert anyone.get("/").headers["location"] == "/login"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "repair.example.com"},  # a page elsewhere whose name leads to 127.0.0.1
        {"X-Forwarded-For": "203.0.113.9"},
        {"Forwarded": "for=203.0.113.9"},
        {"Via": "1.1 proxy"},
    ],
)
def test_who_comes_through_a_proxy_does_not_sit_here(
    headers: dict[str, str], here: Site, anyone: httpx.Client
) -> None:
    assert anyone.get(JOBS, headers=headers).status_code == 401


def test_a_service_on_other_addresses_is_closed(tmp_path: Path) -> None:
    from fastapi.testclient import TestClient

    from workers.web.app import create_app

    for host in ("0.0.0.0", "::", "192.0.2.1", "repair.example.com"):
        settings = service_settings(tmp_path, listen_host=host)
        app = create_app(settings)
        with TestClient(app, client=("127.0.0.1", 9), base_url="http://127.0.0.1") as client:
            assert client.get(JOBS).status_code == 401, host
            assert client.get("/", follow_redirects=False).status_code == 303
            assert client.get("/metrics").status_code == 401
            assert client.get("/healthz").status_code == 200


def test_a_service_with_an_address_of_its_own_has_no_visitor_at_the_machine(tmp_path: Path) -> None:
    """A proxy that sends its own `Host` and no word of whom it speaks for looks like one."""
    with site(tmp_path, public_url="https://repair.example.com") as here:
        assert httpx.get(f"{here.url}{JOBS}").status_code == 401
        answer = httpx.get(here.url)
        assert (answer.status_code, answer.headers["location"][:6]) == (303, "/login")


def test_loopback_names() -> None:
    assert all(is_loopback(host) for host in ("localhost", "127.0.0.1", "127.8.8.8", "::1"))
    assert not any(is_loopback(host) for host in ("0.0.0.0", "", "localhost.evil.example", "::"))


def test_login_gives_a_cookie_that_can_only_look(here: Site, anyone: httpx.Client) -> None:
    secret = here.token(Scope.ADMIN)
    job = here.submit(owner="eve").id
    assert anyone.post("/login", data={"token": "repair_wrong"}).status_code == 401
    answer = anyone.post("/login", data={"token": f" {secret}\n"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = http.cookies.SimpleCookie(answer.headers["set-cookie"])[session.COOKIE_NAME]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "strict")
    assert secret not in answer.headers["set-cookie"]
    assert anyone.get(f"/jobs/{job}").status_code == 200
    assert anyone.get(f"{JOBS}/{job}").status_code == 200
    assert anyone.post(f"{JOBS}/{job}/cancel").status_code == 401
    token = TokenStore(here.store.engine).find(secret)
    assert token is not None
    TokenStore(here.store.engine).revoke(token.id)
    assert anyone.get(f"{JOBS}/{job}").status_code == 401


def test_a_login_needs_the_scope_read_and_survives_nonsense(
    here: Site, anyone: httpx.Client
) -> None:
    secret = here.token(Scope.SUBMIT)
    assert anyone.post("/login", data={"token": secret}).status_code == 401
    for body in (b"", b"\xff\xfe", b"a=1&" * 1000, b"token=%00%ff"):
        assert anyone.post("/login", content=body).status_code == 401
    anyone.post("/logout")
    assert session.COOKIE_NAME not in anyone.cookies


def test_a_forged_or_old_cookie(tmp_path: Path) -> None:
    store = open_store(service_settings(tmp_path))
    store.migrate()
    tokens = TokenStore(store.engine)
    token, _ = tokens.create("a", [Scope.READ], owner="a")
    other, _ = tokens.create("b", [Scope.READ], owner="b")
    now = 1_000_000.0
    good = session.issue(token, now)
    assert session.genuine(good, token, now + session.COOKIE_LIFETIME_SECONDS - 1)
    assert not session.genuine(good, token, now + session.COOKIE_LIFETIME_SECONDS)
    assert not session.genuine(good, other, now)
    name, end, signature = good.split(".")
    for forged in (
        f"{other.id}.{end}.{signature}",
        f"{name}.{int(end) + 1}.{signature}",
        f"{name}.{end}.{'0' * 64}",
        "",
        "x",
        good + "\n",
    ):
        assert not session.genuine(forged, token, now), forged
    store.close()
