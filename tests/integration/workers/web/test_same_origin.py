"""Our own pages log in and out, and come back to where one wanted to go."""

from __future__ import annotations

import httpx
import pytest

from tests.support.web_case import Site
from workers.web.auth import session
from workers.web.auth.scopes import Scope

OWN = {
    "a browser": {"sec-fetch-site": "same-origin", "origin": "{url}"},
    "over plain http": {"origin": "{url}"},
    "a program": {},
}


@pytest.mark.parametrize("where", OWN)
def test_our_own_forms_work(where: str, here: Site) -> None:
    headers = {name: value.format(url=here.url) for name, value in OWN[where].items()}
    secret = here.token(Scope.READ)
    answer = httpx.post(f"{here.url}/login", data={"token": secret}, headers=headers)
    assert (answer.status_code, session.COOKIE_NAME in answer.cookies) == (303, True)
    assert httpx.post(f"{here.url}/logout", headers=headers).status_code == 303


def test_behind_a_proxy_that_ends_tls(here: Site) -> None:
    headers = {"host": "repair.example.com", "origin": "https://repair.example.com:443"}
    assert httpx.post(f"{here.url}/logout", headers=headers).status_code == 303


def test_a_login_leads_where_one_wanted_to_go(here: Site) -> None:
    secret = here.token(Scope.READ, owner="ada")
    job = here.submit(owner="ada")
    with httpx.Client(base_url=here.url) as browser:
        asked = browser.get(f"/jobs/{job.id}")
        form = browser.get(asked.headers["location"])
        assert f'value="/jobs/{job.id}"' in form.text
        filled_in = {"token": "repair_wrong", "next": f"/jobs/{job.id}"}
        again = browser.post("/login", data=filled_in)
        assert f'value="/jobs/{job.id}"' in again.text, "a typing mistake forgets nothing"
        answer = browser.post("/login", data=filled_in | {"token": secret})
        assert answer.headers["location"] == f"/jobs/{job.id}"
        assert browser.get(f"/jobs/{job.id}").status_code == 200
    listed = httpx.get(f"{here.url}/?before={job.id}").headers["location"]
    assert listed == f"/login?next=%2F%3Fbefore%3D{job.id}"
