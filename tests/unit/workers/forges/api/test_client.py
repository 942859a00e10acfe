"""Answers of forges that are not as GitHub's."""

from __future__ import annotations

import httpx
import pytest

from workers.forges.api.client import ApiClient
from workers.forges.errors import CallFailed, NotVisible, RateLimited, Rejected, Unauthorized
from workers.gitea.repository import GiteaClient
from workers.gitlab.repository import GitLabClient


def client(kind: type[ApiClient], status: int, **answer: object) -> ApiClient:
    def respond(_: httpx.Request) -> httpx.Response:
        return httpx.Response(status, **answer)  # type: ignore[arg-type]

    transport = httpx.MockTransport(respond)
    return kind("https://git.example.com/api", write_interval_seconds=0, transport=transport)


@pytest.mark.parametrize(
    ("kind", "status", "answer", "error"),
    [
        (GitLabClient, 400, {"json": {"error": "state is missing"}}, Rejected),
        (GitLabClient, 422, {"json": {"error": "no"}}, Rejected),
        (GitLabClient, 422, {"json": {"message": {"base": ["taken"]}}}, Rejected),
        (GitLabClient, 409, {"json": {"message": ["another one"]}}, Rejected),
        (GitLabClient, 404, {"json": {"message": "404 Not found"}}, NotVisible),
        (GitLabClient, 401, {"json": {"error": "invalid_token"}}, Unauthorized),
        (GitLabClient, 429, {"text": "Retry later", "headers": {"retry-after": "7"}}, RateLimited),
        (GiteaClient, 422, {"json": []}, Rejected),
        (GiteaClient, 422, {"text": ""}, Rejected),
        (GiteaClient, 301, {"headers": {"location": "https://elsewhere.example"}}, CallFailed),
    ],
)
def test_a_refusal_has_its_name(
    kind: type[ApiClient], status: int, answer: dict[str, object], error: type[CallFailed]
) -> None:
    with pytest.raises(error) as caught:
        client(kind, status, **answer).change("POST", "/x", "Bearer secret", {})
    assert "secret" not in str(caught.value)


def test_a_page_on_another_host_is_not_asked_for() -> None:
    link = {"link": '<https://elsewhere.example/api/x?page=2>; rel="next"'}
    pages = client(GitLabClient, 200, json=[1], headers=link).pages("/x", "Bearer secret")
    assert next(pages) == 1
    with pytest.raises(CallFailed, match="another host"):
        next(pages)


def test_an_answer_without_end_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A diff is as large as whoever proposed it made it."""
    monkeypatch.setattr("workers.forges.api.client.MAX_RESPONSE_BYTES", 1000)
    assert client(GiteaClient, 200, json="x" * 900).get("/x", "Bearer secret") == "x" * 900
    with pytest.raises(CallFailed, match="over 1,000 bytes"):
        client(GiteaClient, 200, json="x" * 1000).get("/x", "Bearer secret")


def test_a_page_named_without_tls_is_asked_for_with_it() -> None:
    asked: list[httpx.URL] = []

    def respond(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        link = '<http://git.example.com/api/x?page=2>; rel="next"'
        return httpx.Response(200, json=[1], headers={"link": link} if len(asked) == 1 else {})

    transport = httpx.MockTransport(respond)
    forge = GitLabClient("https://git.example.com/api", transport=transport)
    assert list(forge.pages("/x", "Bearer secret")) == [1, 1]
    assert [url.scheme for url in asked] == ["https", "https"]
    assert asked[1].params["page"] == "2"
