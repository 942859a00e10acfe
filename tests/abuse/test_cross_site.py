"""Pages of other sites can link to the service, and make a browser do nothing there."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.support.web_case import Site, site
from workers.web.auth.scopes import Scope

FOREIGN = {
    "another site": {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
    "another port": {"sec-fetch-site": "same-site", "sec-fetch-mode": "navigate"},
    "its script": {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
    "an older browser": {"origin": "https://evil.example"},
    "a page that hides itself": {"origin": "null"},
    "our port elsewhere": {"origin": "http://127.0.0.1.evil.example:{port}"},
    "our name before another": {"origin": "http://127.0.0.1:{port}@evil.example"},
    "another scheme": {"origin": "file://127.0.0.1:{port}"},
    "no address": {"origin": "http://["},
}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.mark.parametrize("path", ["/login", "/logout", "/api/v1/jobs"])
@pytest.mark.parametrize("where", FOREIGN)
def test_no_post_from_elsewhere(where: str, path: str, here: Site) -> None:
    secret = here.token(Scope.ADMIN)
    port = here.settings.listen_port
    headers = {name: value.format(port=port) for name, value in FOREIGN[where].items()}
    headers["authorization"] = f"Bearer {secret}"
    answer = httpx.post(f"{here.url}{path}", data={"token": secret}, headers=headers)
    assert (answer.status_code, answer.headers.get("set-cookie")) == (403, None)
    assert answer.json()["type"].endswith("cross-site")


def test_scripts_of_other_sites_read_nothing(here: Site) -> None:
    page = f"{here.url}/jobs/{here.submit().id}"
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    script = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"}
    for path in (page, f"{page}/live", f"{here.url}/live"):
        assert httpx.get(path, headers=script).status_code == 403
    assert httpx.get(page, headers=link).status_code in (200, 303), "links lead here"


@pytest.mark.parametrize(
    "page",
    [
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "/\t/evil.example",
        "https://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "/jobs/../../evil",
        "/jobs/a\r\nSet-Cookie: a=b",
        "/jobs/a#//evil",
        "/logout",
        "/%2f/evil.example",
        "evil.example",
        "",
    ],
)
def test_a_login_leads_nowhere_else(page: str, here: Site) -> None:
    secret = here.token(Scope.READ)
    answer = httpx.post(f"{here.url}/login", data={"token": secret, "next": page})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    form = httpx.get(f"{here.url}/login", params={"next": page})
    assert '<input name="next" type="hidden" value="/">' in form.text
