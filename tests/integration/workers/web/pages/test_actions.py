"""Forms of the pages: who may send them, and what they may not ask for."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.support.web_case import Site
from workers.records import JobState
from workers.web.auth.scopes import Scope

FORM = {"target": "https://git.example.com/ada/ledger", "key": "once"}


@pytest.fixture
def visitor(here: Site) -> Iterator[httpx.Client]:
    """A browser that is not logged in."""
    with httpx.Client(base_url=here.url, headers={"Origin": here.url}, timeout=30) as client:
        yield client


def log_in(visitor: httpx.Client, here: Site, *scopes: Scope, owner: str = "ada") -> None:
    answer = visitor.post("/login", data={"token": here.token(*scopes, owner=owner)})
    assert answer.status_code == 303


def test_a_form_that_is_sent_twice_is_one_job(here: Site, visitor: httpx.Client) -> None:
    log_in(visitor, here, Scope.READ, Scope.SUBMIT)
    addresses = {visitor.post("/submit", data=FORM).headers["location"] for _ in range(2)}
    (job,) = here.store.jobs()
    assert addresses == {f"/jobs/{job.id}"}


def test_nobody_who_is_not_logged_in_sends_a_form(here: Site, visitor: httpx.Client) -> None:
    job = here.submit()
    for path in ("/submit", f"/jobs/{job.id}/cancel", f"/jobs/{job.id}/retry"):
        assert visitor.post(path, data=FORM).headers["location"].startswith("/login?next=")
    assert [one.state for one in here.store.jobs()] == [JobState.QUEUED]


def test_a_form_of_which_nothing_says_where_it_comes_from(
    here: Site, visitor: httpx.Client
) -> None:
    log_in(visitor, here, Scope.READ, Scope.SUBMIT, Scope.CANCEL)
    del visitor.headers["Origin"]
    assert visitor.post("/submit", data=FORM).headers["location"] == "/login?next=%2Fsubmit"
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert visitor.post("/submit", data=FORM, headers=foreign).status_code == 403
    assert here.store.jobs() == []


def test_a_login_does_what_its_token_may_and_no_more(here: Site, visitor: httpx.Client) -> None:
    log_in(visitor, here, Scope.READ)
    mine, other = here.submit(owner="ada"), here.submit(owner="eve")
    assert visitor.post("/submit", data=FORM).status_code == 403
    assert visitor.post(f"/jobs/{mine.id}/cancel").status_code == 403
    assert "<button>Cancel" not in visitor.get(f"/jobs/{mine.id}").text
    log_in(visitor, here, Scope.READ, Scope.CANCEL)
    assert "<button>Cancel" in visitor.get(f"/jobs/{mine.id}").text
    assert visitor.post(f"/jobs/{other.id}/cancel").status_code == 404
    assert visitor.post(f"/jobs/{mine.id}/cancel").status_code == 303
    states = {job.id: job.state for job in here.store.jobs()}
    assert states == {mine.id: JobState.CANCELLED, other.id: JobState.QUEUED}


def test_a_login_is_never_more_than_the_api_allows_without_admin(
    here: Site, visitor: httpx.Client
) -> None:
    """Who steals the cookie of an administrator names no folder of the server."""
    log_in(visitor, here, Scope.ADMIN)
    answer = visitor.post("/submit", data=FORM | {"target": "/etc"})
    assert (answer.status_code, here.store.jobs()) == (403, [])
    assert visitor.post("/api/v1/jobs", json={"target": FORM["target"]}).status_code == 401
    assert visitor.get("/metrics").status_code == 200
    other = here.submit(owner="eve")
    page = visitor.get(f"/jobs/{other.id}")
    assert (page.status_code, "<button>Cancel" in page.text) == (200, False)
    assert visitor.post(f"/jobs/{other.id}/cancel").status_code == 403


@pytest.mark.parametrize(
    "wrong",
    [
        {"target": ""},
        {"target": "https://h/\x00"},
        {"max_seconds": "soon"},
        {"max_seconds": "nan"},
        {"max_seconds": "-1"},
        {"only": "a\x1bb"},
        {"queue": "mine"},
        {f"field{number}": "x" for number in range(30)},
    ],
)
def test_what_cannot_be_used_is_said(
    here: Site, visitor: httpx.Client, wrong: dict[str, str]
) -> None:
    log_in(visitor, here, Scope.READ, Scope.SUBMIT)
    assert visitor.post("/submit", data=FORM | wrong).status_code == 422
    assert here.store.jobs() == []


def test_a_job_that_is_live_is_not_tried_again(here: Site, visitor: httpx.Client) -> None:
    log_in(visitor, here, Scope.READ, Scope.SUBMIT)
    job = here.submit(owner="ada")
    answer = visitor.post(f"/jobs/{job.id}/retry")
    assert answer.status_code == 409
    assert "has not ended" in answer.text


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("/?state=running&q=a%2Fb", "/?state=running&q=a%2Fb"),
        ("/submit", "/submit"),
        ("/jobs/x", "/jobs/x"),
        ("//evil.example/", "/"),
        ("/?q=https://evil.example", "/"),
    ],
)
def test_a_deep_link_survives_the_login(
    here: Site, visitor: httpx.Client, asked: str, shown: str
) -> None:
    secret = here.token(Scope.READ)
    if not asked.startswith("//"):
        login = visitor.get(asked).headers["location"]
        field = visitor.get(login).text.partition('name="next" type="hidden" value="')[2]
        assert field.partition('"')[0].replace("&amp;", "&") == shown
    answer = visitor.post("/login", data={"token": secret, "next": asked})
    assert answer.headers["location"] == shown


def test_whose_jobs_these_are_is_said(here: Site, visitor: httpx.Client) -> None:
    log_in(visitor, here, Scope.READ, owner="me")
    here.submit(owner="ada")
    here.submit(owner="eve")
    text = visitor.get("/").text
    assert "of owner <code>me</code>" in text
    assert "2 jobs of other owners" in text
